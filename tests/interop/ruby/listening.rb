# Read in before Ruby's own interop server, which says nothing of where it listens.
require 'grpc'

module SaysWhere
  def add_http2_port(host, credentials)
    port = super
    puts "listening on 127.0.0.1:#{port}"
    $stdout.flush
    port
  end
end

GRPC::RpcServer.prepend(SaysWhere)
