/* SPDX-License-Identifier: MIT */
/* cpp_stream_server PORT: helloworld.Stream on gRPC C++, its synchronous interface. Ends by a signal, or
 * after a quarter of an hour. */
#include <cstdio>
#include <memory>

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include "chunk.h"
#include "stream.grpc.pb.h"

using grpc::ServerContext;
using grpc::Status;
using helloworld::Chunk;

namespace {

class StreamService final : public helloworld::Stream::Service {
    Status
    Echo(ServerContext *, grpc::ServerReaderWriter<Chunk, Chunk> *stream) override
    {
        Chunk chunk;
        while (stream->Read(&chunk))
            if (!stream->Write(chunk))
                return Status::CANCELLED;
        return Status::OK;
    }

    Status
    Pull(ServerContext *, const helloworld::PullRequest *request, grpc::ServerWriter<Chunk> *writer) override
    {
        Chunk chunk;
        if (request->size() < chunk_least || request->size() > chunk_most)
            return Status(grpc::StatusCode::INVALID_ARGUMENT, "size");
        chunk.mutable_data()->assign(request->size(), 'x');
        for (uint64_t i = 0; i < request->count(); i++) {
            chunk_set_number(chunk.mutable_data(), i);
            if (!writer->Write(chunk))
                return Status::CANCELLED;
        }
        return Status::OK;
    }

    Status
    Push(ServerContext *, grpc::ServerReader<Chunk> *reader, helloworld::PushReply *reply) override
    {
        Chunk chunk;
        uint64_t right = 0, bytes = 0;
        for (uint64_t i = 0; reader->Read(&chunk); i++) {
            right += chunk_has_number(chunk.data(), i);
            bytes += chunk.data().size();
        }
        reply->set_count(right);
        reply->set_bytes(bytes);
        return Status::OK;
    }
};

} // namespace

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: cpp_stream_server PORT\n");
        return 2;
    }
    alarm(900);
    StreamService service;
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(std::string("127.0.0.1:") + argv[1], grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (server == nullptr || port == 0)
        return 1;
    printf("listening on 127.0.0.1:%d\n", port);
    fflush(stdout);
    server->Wait();
}
