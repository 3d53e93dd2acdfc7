// SPDX-License-Identifier: MIT
// go_stream_server PORT: helloworld.Stream on gRPC Go. Ends by a signal, or after a quarter of an hour.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "streampb"
)

type service struct{}

func (service) Echo(stream pb.Stream_EchoServer) error {
	for {
		chunk, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(chunk); err != nil {
			return err
		}
	}
}

func (service) Pull(request *pb.PullRequest, stream pb.Stream_PullServer) error {
	if request.Size < 8 || request.Size > 4000000 {
		return status.Error(codes.InvalidArgument, "size")
	}
	chunk := &pb.Chunk{Data: bytes.Repeat([]byte{'x'}, int(request.Size))}
	for i := uint64(0); i < request.Count; i++ {
		binary.LittleEndian.PutUint64(chunk.Data, i)
		if err := stream.Send(chunk); err != nil {
			return err
		}
	}
	return nil
}

func (service) Push(stream pb.Stream_PushServer) error {
	reply := &pb.PushReply{}
	for i := uint64(0); ; i++ {
		chunk, err := stream.Recv()
		if err == io.EOF {
			return stream.SendAndClose(reply)
		}
		if err != nil {
			return err
		}
		if len(chunk.Data) >= 8 && binary.LittleEndian.Uint64(chunk.Data) == i {
			reply.Count++
		}
		reply.Bytes += uint64(len(chunk.Data))
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go_stream_server PORT")
		os.Exit(2)
	}
	time.AfterFunc(15*time.Minute, func() { os.Exit(1) })
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	server := grpc.NewServer()
	pb.RegisterStreamServer(server, service{})
	log.Fatal(server.Serve(listener))
}
