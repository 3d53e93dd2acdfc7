/* SPDX-License-Identifier: MIT */
/* cpp_stream_client stream HOST:PORT KIND STREAMS MESSAGES SIZE, on gRPC C++, its synchronous interface: does
 * and prints what bench-client does. */
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include "chunk.h"
#include "stream.grpc.pb.h"

using helloworld::Chunk;
using Clock = std::chrono::steady_clock;

namespace {

struct Run {
    std::string kind;
    long streams;
    long messages;
    size_t size;
    std::unique_ptr<helloworld::Stream::Stub> stub;
};

class OneStream {
public:
    OneStream(const Run &run, uint64_t messages) : run_(run), messages_(messages)
    {
        chunk_.mutable_data()->assign(run.size, '\0');
        context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(120));
    }

    void
    work()
    {
        if (run_.kind == "pingpong")
            pingpong();
        else if (run_.kind == "echo")
            echo();
        else if (run_.kind == "pull")
            pull();
        else
            push();
    }

    uint64_t right = 0;
    std::vector<float> latency;

private:
    template <typename Writer>
    bool
    send(Writer *writer, uint64_t number)
    {
        chunk_set_number(chunk_.mutable_data(), number);
        return writer->Write(chunk_);
    }

    template <typename Reader>
    bool
    receive(Reader *reader, uint64_t number)
    {
        if (!reader->Read(&received_))
            return false;
        right += received_.data().size() == run_.size && chunk_has_number(received_.data(), number);
        return true;
    }

    void
    say_how_it_ended(const grpc::Status &status)
    {
        if (!status.ok())
            fprintf(stderr, "err %s\n", status.error_message().c_str());
    }

    void
    pingpong()
    {
        auto stream = run_.stub->Echo(&context_);
        for (uint64_t i = 0; i < messages_; i++) {
            auto start = Clock::now();
            if (!send(stream.get(), i) || !receive(stream.get(), i))
                break;
            latency.push_back(std::chrono::duration<float, std::micro>(Clock::now() - start).count());
        }
        stream->WritesDone();
        say_how_it_ended(stream->Finish());
    }

    void
    echo()
    {
        auto stream = run_.stub->Echo(&context_);
        std::thread sender([&] {
            for (uint64_t i = 0; i < messages_; i++)
                if (!send(stream.get(), i))
                    break;
            stream->WritesDone();
        });
        for (uint64_t i = 0; receive(stream.get(), i); i++)
            ;
        sender.join();
        say_how_it_ended(stream->Finish());
    }

    void
    pull()
    {
        helloworld::PullRequest request;
        request.set_count(messages_);
        request.set_size(run_.size);
        auto reader = run_.stub->Pull(&context_, request);
        for (uint64_t i = 0; receive(reader.get(), i); i++)
            ;
        say_how_it_ended(reader->Finish());
    }

    void
    push()
    {
        helloworld::PushReply reply;
        auto writer = run_.stub->Push(&context_, &reply);
        for (uint64_t i = 0; i < messages_; i++)
            if (!send(writer.get(), i))
                break;
        writer->WritesDone();
        grpc::Status status = writer->Finish();
        if (status.ok() && reply.bytes() == messages_ * run_.size)
            right = reply.count();
        say_how_it_ended(status);
    }

    const Run &run_;
    uint64_t messages_;
    grpc::ClientContext context_;
    Chunk chunk_;
    Chunk received_;
};

double
cpu_seconds()
{
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void
print_latency(std::vector<float> &us, size_t messages)
{
    std::sort(us.begin(), us.end());
    auto at = [&](double part) { return us[std::min(us.size() - 1, size_t(part * double(us.size())))]; };
    printf("latency n=%zu miss=%zu us: min=%.1f p50=%.1f p90=%.1f p99=%.1f max=%.1f\n", us.size(),
           messages - us.size(), at(0), at(.5), at(.9), at(.99), at(1));
}

/* Connects. Prints what went wrong. */
bool
warm_up(const Run &run)
{
    grpc::ClientContext context;
    helloworld::PushReply reply;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    auto writer = run.stub->Push(&context, &reply);
    writer->WritesDone();
    grpc::Status status = writer->Finish();
    if (!status.ok())
        printf("err %s\n", status.error_message().c_str());
    return status.ok();
}

int
measure(const Run &run)
{
    std::vector<std::unique_ptr<OneStream>> streams;
    std::vector<std::thread> threads;
    for (long i = 0; i < run.streams; i++)
        streams.push_back(std::make_unique<OneStream>(
            run, run.messages / run.streams + (i < run.messages % run.streams)));
    double cpu = cpu_seconds();
    auto start = Clock::now();
    for (auto &stream : streams)
        threads.emplace_back([&stream] { stream->work(); });
    for (auto &thread : threads)
        thread.join();
    double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    cpu = cpu_seconds() - cpu;
    long right = 0;
    std::vector<float> latency;
    for (auto &stream : streams) {
        right += long(stream->right);
        latency.insert(latency.end(), stream->latency.begin(), stream->latency.end());
    }
    double rate = double(run.messages) / seconds;
    printf("stream kind=%s size=%zu streams=%ld messages=%ld bad=%ld rate=%.0f/s mb_per_s=%.1f "
           "cpu_s_per_100k=%.3f\n",
           run.kind.c_str(), run.size, run.streams, run.messages, run.messages - right, rate,
           rate * double(run.size) / 1e6, cpu / double(run.messages) * 1e5);
    if (!latency.empty())
        print_latency(latency, size_t(run.messages));
    return right == run.messages ? 0 : 1;
}

bool
read_arguments(int argc, char **argv, Run *run)
{
    if (argc != 7 || std::string(argv[1]) != "stream")
        return false;
    run->kind = argv[3];
    run->streams = atol(argv[4]);
    run->messages = atol(argv[5]);
    run->size = strtoull(argv[6], nullptr, 10);
    bool is_kind =
        run->kind == "pingpong" || run->kind == "echo" || run->kind == "pull" || run->kind == "push";
    return is_kind && run->streams >= 1 && run->streams <= 1024 && run->messages >= 1 &&
           run->size >= chunk_least && run->size <= chunk_most;
}

} // namespace

int
main(int argc, char **argv)
{
    Run run;
    if (!read_arguments(argc, argv, &run)) {
        fprintf(stderr, "usage: cpp_stream_client stream HOST:PORT pingpong|echo|pull|push "
                        "STREAMS MESSAGES SIZE\n");
        return 2;
    }
    run.stub = helloworld::Stream::NewStub(grpc::CreateChannel(argv[2], grpc::InsecureChannelCredentials()));
    return warm_up(run) ? measure(run) : 1;
}
