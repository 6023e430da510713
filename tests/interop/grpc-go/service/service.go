// grpc-go's own TestService, which does not look at what is asked of compression, behind one that
// does. It says "listening on ...:PORT".
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"vitro/interop/compression"
)

var (
	port   = flag.Int("port", 10000, "0 is a free one")
	useTLS = flag.Bool("use_tls", false, "")
	cert   = flag.String("tls_cert_file", "", "")
	key    = flag.String("tls_key_file", "", "")
)

type service struct{ pb.TestServiceServer }

func check(ctx context.Context, expected *pb.BoolValue) error {
	if expected.GetValue() && !compression.Of(ctx).Last() {
		return status.Error(codes.InvalidArgument, "the request is not compressed")
	}
	return nil
}

// Otherwise a response is compressed as its request was.
func compress(ctx context.Context, asked bool) error {
	if asked {
		return grpc.SetSendCompressor(ctx, gzip.Name)
	}
	return grpc.SetSendCompressor(ctx, encoding.Identity)
}

func (s service) UnaryCall(ctx context.Context, request *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	if err := check(ctx, request.GetExpectCompressed()); err != nil {
		return nil, err
	}
	if err := compress(ctx, request.GetResponseCompressed().GetValue()); err != nil {
		return nil, err
	}
	return s.TestServiceServer.UnaryCall(ctx, request)
}

type inputs struct {
	pb.TestService_StreamingInputCallServer
}

func (i inputs) Recv() (*pb.StreamingInputCallRequest, error) {
	request, err := i.TestService_StreamingInputCallServer.Recv()
	if err == nil {
		err = check(i.Context(), request.GetExpectCompressed())
	}
	return request, err
}

func (s service) StreamingInputCall(stream pb.TestService_StreamingInputCallServer) error {
	if err := compress(stream.Context(), false); err != nil {
		return err
	}
	return s.TestServiceServer.StreamingInputCall(inputs{stream})
}

type outputs struct {
	pb.TestService_StreamingOutputCallServer
	asked []*pb.ResponseParameters
}

func (o *outputs) Send(response *pb.StreamingOutputCallResponse) error {
	compressed := o.asked[0].GetCompressed().GetValue()
	o.asked = o.asked[1:]
	if compressed {
		return o.TestService_StreamingOutputCallServer.Send(response)
	}
	plain, err := compression.Plain(o, response)
	if err != nil {
		return err
	}
	return o.SendMsg(plain)
}

func (s service) StreamingOutputCall(request *pb.StreamingOutputCallRequest,
	stream pb.TestService_StreamingOutputCallServer) error {
	asked := request.GetResponseParameters()
	compressed := false
	for _, one := range asked {
		compressed = compressed || one.GetCompressed().GetValue()
	}
	if err := compress(stream.Context(), compressed); err != nil {
		return err
	}
	return s.TestServiceServer.StreamingOutputCall(request, &outputs{stream, asked})
}

func main() {
	flag.Parse()
	options := []grpc.ServerOption{grpc.StatsHandler(compression.Handler{})}
	if *useTLS {
		pair, err := credentials.NewServerTLSFromFile(*cert, *key)
		if err != nil {
			log.Fatal(err)
		}
		options = append(options, grpc.Creds(pair))
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %v\n", listener.Addr())
	server := grpc.NewServer(options...)
	pb.RegisterTestServiceServer(server, service{interop.NewTestServer()})
	log.Fatal(server.Serve(listener))
}
