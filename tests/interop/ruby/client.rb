# Ruby's own interop client (-I its folder), with the cases that it does not have. It says what went
# wrong as any Ruby program does.
require 'grpc'

# The official flags of the soaks, which that client does not take.
SOAK = {
  'iterations' => 10, 'max_failures' => 0, 'overall_timeout_seconds' => 10,
  'per_iteration_max_acceptable_latency_ms' => 1000,
  'request_size' => 271_828, 'response_size' => 314_159
}
ARGV.reject! do |flag|
  flag.match(/\A--soak_(\w+)=(\d+)\z/) { |m| SOAK[m[1]] = m[2].to_i }
end

require 'test/client'

# A subchannel is shared by all channels that are equal: the count keeps these apart.
def another_stub(opts, count)
  tls = { GRPC::Core::Channel::SSL_TARGET => opts.server_host_override }
  Grpc::Testing::TestService::Stub.new(
    "#{opts.server_host}:#{opts.server_port}",
    opts.secure ? test_creds : :this_channel_is_insecure,
    channel_args: (opts.secure ? tls : {}).merge('vitro.channel' => count))
end

def seconds
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

class NamedTests
  # How the responses came, the server's trace tells.
  def server_compressed_unary
    [true, false].each { |value| large(response_compressed: BoolValue.new(value: value)) }
  end

  def server_compressed_streaming
    asked = { 31_415 => true, 92_653 => false }
    parameters = asked.map do |size, value|
      ResponseParameters.new(size: size, compressed: BoolValue.new(value: value))
    end
    request = StreamingOutputCallRequest.new(response_parameters: parameters)
    sizes_are(asked.keys, @stub.streaming_output_call(request))
  end

  def half_duplex
    sizes = { 27_182 => 31_415, 8 => 9, 1828 => 2653, 45_904 => 58_979 }
    requests = sizes.map do |request, response|
      StreamingOutputCallRequest.new(payload: Payload.new(body: nulls(request)),
                                     response_parameters: [ResponseParameters.new(size: response)])
    end
    sizes_are(sizes.values, @stub.half_duplex_call(requests))
  end

  def special_status_message
    text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1F608}\t\n"
    status = EchoStatus.new(code: GRPC::Core::StatusCodes::UNKNOWN, message: text)
    @stub.unary_call(SimpleRequest.new(response_status: status))
    fail AssertionError, 'OK'
  rescue GRPC::Unknown => e
    assert("another text: #{e.details}") { e.details.dup.force_encoding('UTF-8') == text }
  end

  # That client's own cancels what has not begun; the first request is asked for when the headers
  # have left.
  def cancel_after_begin
    op = nil
    op = @stub.streaming_input_call(Enumerator.new { op.cancel }, return_op: true)
    op.execute
    fail AssertionError, 'OK'
  rescue GRPC::Cancelled
    assert('it is not cancelled') { op.cancelled? }
  end

  def rpc_soak
    soak { @stub }
  end

  def channel_soak
    soak { |i| another_stub(@args, i) }
  end

  # ---- servers that misbehave -------------------------------------------------------------------

  def goaway
    large
    sleep(1) # as the description says
    large
  end

  def rst_after_header
    large
    fail AssertionError, 'OK'
  rescue GRPC::Internal
  end

  alias rst_during_data rst_after_header
  alias rst_after_data rst_after_header
  alias ping large_unary
  alias no_df_padding_sanity_test large_unary

  def max_streams
    large
    Array.new(10) { Thread.new { large } }.each(&:join)
  end

  private

  def sizes_are(sizes, responses)
    got = responses.map { |response| response.payload.body.length }
    assert("responses of #{got} bytes") { got == sizes }
  end

  def large(stub = @stub, request_size = 271_828, response_size = 314_159, **more)
    payload = Payload.new(body: nulls(request_size))
    request = SimpleRequest.new(payload: payload, response_size: response_size, **more)
    body = stub.unary_call(request).payload.body
    assert('the response has another body') { body == nulls(response_size) }
  end

  def soak
    give_up = seconds + SOAK['overall_timeout_seconds']
    slow = Array.new(SOAK['iterations']) do |i|
      began = seconds
      assert("#{i} iterations in time") { began < give_up }
      large(yield(i), SOAK['request_size'], SOAK['response_size'])
      (seconds - began) * 1000 > SOAK['per_iteration_max_acceptable_latency_ms']
    end.count(true)
    assert("#{slow} iterations failed") { slow <= SOAK['max_failures'] }
  end
end

main
