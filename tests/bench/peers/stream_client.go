// SPDX-License-Identifier: MIT
// go_stream_client stream HOST:PORT KIND STREAMS MESSAGES SIZE, on gRPC Go: does and prints what bench-client
// does.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	pb "streampb"
)

type run struct {
	kind     string
	streams  int
	messages int
	size     int
	stub     pb.StreamClient
}

type oneStream struct {
	*run
	messages int
	right    int
	chunk    pb.Chunk
	latency  []float64
}

type sender interface{ Send(*pb.Chunk) error }
type receiver interface{ Recv() (*pb.Chunk, error) }

func (s *oneStream) send(to sender, number int) error {
	binary.LittleEndian.PutUint64(s.chunk.Data, uint64(number))
	return to.Send(&s.chunk)
}

func (s *oneStream) receive(from receiver, number int) error {
	chunk, err := from.Recv()
	if err == nil && len(chunk.Data) == s.size && binary.LittleEndian.Uint64(chunk.Data) == uint64(number) {
		s.right++
	}
	return err
}

func (s *oneStream) pingpong(ctx context.Context) error {
	stream, err := s.stub.Echo(ctx)
	for i := 0; i < s.messages && err == nil; i++ {
		start := time.Now()
		if err = s.send(stream, i); err == nil {
			err = s.receive(stream, i)
		}
		s.latency = append(s.latency, float64(time.Since(start).Nanoseconds())/1e3)
	}
	if err != nil {
		return err
	}
	stream.CloseSend()
	stream.Recv()
	return nil
}

func (s *oneStream) echo(ctx context.Context) error {
	stream, err := s.stub.Echo(ctx)
	if err != nil {
		return err
	}
	go func() {
		for i := 0; i < s.messages && s.send(stream, i) == nil; i++ {
		}
		stream.CloseSend()
	}()
	for i := 0; s.receive(stream, i) == nil; i++ {
	}
	return nil
}

func (s *oneStream) pull(ctx context.Context) error {
	stream, err := s.stub.Pull(ctx, &pb.PullRequest{Count: uint64(s.messages), Size: uint64(s.size)})
	for i := 0; err == nil && s.receive(stream, i) == nil; i++ {
	}
	return err
}

func (s *oneStream) push(ctx context.Context) error {
	stream, err := s.stub.Push(ctx)
	if err != nil {
		return err
	}
	for i := 0; i < s.messages && s.send(stream, i) == nil; i++ {
	}
	reply, err := stream.CloseAndRecv()
	if err == nil && reply.Bytes == uint64(s.messages*s.size) {
		s.right = int(reply.Count)
	}
	return err
}

func (s *oneStream) work() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	kinds := map[string]func(context.Context) error{
		"pingpong": s.pingpong, "echo": s.echo, "pull": s.pull, "push": s.push,
	}
	if err := kinds[s.kind](ctx); err != nil {
		fmt.Fprintln(os.Stderr, "err", err)
	}
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(0, &usage)
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}

func printLatency(us []float64, messages int) {
	sort.Float64s(us)
	at := func(part float64) float64 {
		i := int(part * float64(len(us)))
		if i == len(us) {
			i--
		}
		return us[i]
	}
	fmt.Printf("latency n=%d miss=%d us: min=%.1f p50=%.1f p90=%.1f p99=%.1f max=%.1f\n", len(us),
		messages-len(us), at(0), at(.5), at(.9), at(.99), at(1))
}

// Connects.
func (r *run) warmUp() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	stream, err := r.stub.Push(ctx)
	if err == nil {
		_, err = stream.CloseAndRecv()
	}
	return err
}

func (r *run) measure() bool {
	streams := make([]*oneStream, r.streams)
	for i := range streams {
		streams[i] = &oneStream{run: r, messages: r.messages / r.streams}
		if i < r.messages%r.streams {
			streams[i].messages++
		}
		streams[i].chunk.Data = make([]byte, r.size)
	}
	var group sync.WaitGroup
	cpu, start := cpuSeconds(), time.Now()
	for _, s := range streams {
		group.Add(1)
		go func(s *oneStream) {
			defer group.Done()
			s.work()
		}(s)
	}
	group.Wait()
	seconds := time.Since(start).Seconds()
	cpu = cpuSeconds() - cpu
	right := 0
	var latency []float64
	for _, s := range streams {
		right += s.right
		latency = append(latency, s.latency...)
	}
	rate := float64(r.messages) / seconds
	fmt.Printf("stream kind=%s size=%d streams=%d messages=%d bad=%d rate=%.0f/s mb_per_s=%.1f "+
		"cpu_s_per_100k=%.3f\n", r.kind, r.size, r.streams, r.messages, r.messages-right, rate,
		rate*float64(r.size)/1e6, cpu/float64(r.messages)*1e5)
	if len(latency) > 0 {
		printLatency(latency, r.messages)
	}
	return right == r.messages
}

func readArguments() *run {
	if len(os.Args) != 7 || os.Args[1] != "stream" {
		return nil
	}
	r := &run{kind: os.Args[3]}
	r.streams, _ = strconv.Atoi(os.Args[4])
	r.messages, _ = strconv.Atoi(os.Args[5])
	r.size, _ = strconv.Atoi(os.Args[6])
	isKind := r.kind == "pingpong" || r.kind == "echo" || r.kind == "pull" || r.kind == "push"
	if !isKind || r.streams < 1 || r.streams > 1024 || r.messages < 1 || r.size < 8 || r.size > 4000000 {
		return nil
	}
	return r
}

func main() {
	r := readArguments()
	if r == nil {
		fmt.Fprintln(os.Stderr, "usage: go_stream_client stream HOST:PORT pingpong|echo|pull|push",
			"STREAMS MESSAGES SIZE")
		os.Exit(2)
	}
	connection, err := grpc.Dial(os.Args[2], grpc.WithInsecure())
	if err == nil {
		r.stub = pb.NewStreamClient(connection)
		err = r.warmUp()
	}
	if err != nil {
		fmt.Println("err", err)
		os.Exit(1)
	}
	if !r.measure() {
		os.Exit(1)
	}
}
