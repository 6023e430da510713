// Package compression tells of each message whether it came compressed, which grpc-go tells only to
// a stats handler, and sends single messages of a compressing stream as they are.
package compression

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// Arrivals are the messages of a call: whether each came compressed.
type Arrivals struct {
	mutex sync.Mutex
	came  []bool
}

// Last is false of a call without a message.
func (a *Arrivals) Last() bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return len(a.came) > 0 && a.came[len(a.came)-1]
}

func (a *Arrivals) add(compressed bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.came = append(a.came, compressed)
}

type key struct{}

// With lets a client look at the arrivals of a call.
func With(ctx context.Context, arrivals *Arrivals) context.Context {
	return context.WithValue(ctx, key{}, arrivals)
}

// Of is what a server looks at.
func Of(ctx context.Context) *Arrivals {
	arrivals, _ := ctx.Value(key{}).(*Arrivals)
	return arrivals
}

// Handler fills the arrivals of each call: of a server all, of a client those of With.
type Handler struct{}

func (Handler) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	if Of(ctx) != nil {
		return ctx
	}
	return With(ctx, &Arrivals{})
}

func (Handler) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if in, ok := event.(*stats.InPayload); ok {
		Of(ctx).add(in.CompressedLength != in.Length)
	}
}

func (Handler) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (Handler) HandleConn(context.Context, stats.ConnStats) {}

// Plain is a message that any stream sends uncompressed. It takes the codec of a stream that began
// without a compressor.
func Plain(began grpc.Stream, message any) (*grpc.PreparedMsg, error) {
	var plain grpc.PreparedMsg
	return &plain, plain.Encode(began, message)
}
