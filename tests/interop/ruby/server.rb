# Ruby's own interop server (-I its folder), which says nothing of where it listens, does not look at
# what is asked of compression, and has no half_duplex_call that can be called.
require 'grpc'

module More
  def unary_call(request, call)
    compress(call) if request.response_compressed&.value
    super
  end

  def streaming_output_call(request, call)
    asked = request.response_parameters.map { |one| one.compressed&.value }
    compress(call) if asked.any?
    super.lazy.each_with_index.map do |response, i|
      flag(call, asked[i] ? 0 : GRPC::Core::WriteFlags::NO_COMPRESS)
      response
    end
  end

  def half_duplex_call(requests, call)
    full_duplex_call(requests.to_a, call)
  end

  private

  def compress(call)
    call.merge_metadata_to_send(
      GRPC::Core::MetadataKeys::COMPRESSION_REQUEST_ALGORITHM => 'gzip')
  end

  # The view that a handler is given of its call hides this.
  def flag(call, value)
    call.instance_variable_get(:@wrapped).write_flag = value
  end
end

module SaysWhere
  def add_http2_port(host, credentials)
    port = super
    puts "listening on 127.0.0.1:#{port}"
    $stdout.flush
    port
  end

  def handle(service)
    super(service.prepend(More))
  end
end

GRPC::RpcServer.prepend(SaysWhere)
require 'test/server'
