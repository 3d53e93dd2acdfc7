/* SPDX-License-Identifier: MIT */
/*
 * protoc-gen-belay: protoc's plugin for belay. protoc writes a request on stdin and reads the response
 * from stdout. What is wrong with a .proto file goes into the response, and the exit status is 0;
 * stderr and exit status 1 are for what has gone wrong between protoc and the plugin.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <belay/version.h>

#include "protoc-gen-belay/generate.h"
#include "protoc-gen-belay/plugin.pb-c.h"
#include "protoc-gen-belay/pool.h"

static const char help[] =
    "protoc-gen-belay makes gRPC servers' handler tables and clients' stubs for belay, in C. It is run by\n"
    "protoc, beside protobuf-c's plugin:\n"
    "\n"
    "    protoc --c_out=DIR --belay_out=DIR x.proto\n"
    "\n"
    "writes x.pb-c.h and x.pb-c.c (messages), x.belay.h and x.belay.c (services). When it is not in PATH,\n"
    "add --plugin=protoc-gen-belay=FILE. It takes no parameters.\n"
    "\n"
    "    --help      print this\n"
    "    --version   print the version\n";

typedef struct input_bytes {
    unsigned char *bytes;
    size_t size;
    size_t capacity;
} input_bytes;

static int
fail(const char *what)
{
    fprintf(stderr, "protoc-gen-belay: %s\n", what);
    return 1;
}

static bool
grow(input_bytes *input)
{
    size_t capacity = input->capacity != 0 ? input->capacity * 2 : 65536;
    unsigned char *bytes = realloc(input->bytes, capacity);

    if (bytes == NULL)
        return false;
    input->bytes = bytes;
    input->capacity = capacity;
    return true;
}

/* Reads all of a file. On failure errno tells. */
static bool
read_all(FILE *file, input_bytes *input)
{
    size_t count;

    do {
        if (input->size == input->capacity && !grow(input))
            return false;
        count = fread(input->bytes + input->size, 1, input->capacity - input->size, file);
        input->size += count;
    } while (count > 0);
    return !ferror(file);
}

static int
write_response(const Plugin__CodeGeneratorResponse *response, gen_pool *pool)
{
    size_t size = plugin__code_generator_response__get_packed_size(response);
    uint8_t *bytes = pool_alloc(pool, size, 1);

    plugin__code_generator_response__pack(response, bytes);
    if (fwrite(bytes, 1, size, stdout) != size || fflush(stdout) != 0)
        return fail(strerror(errno));
    return 0;
}

static int
answer(const input_bytes *input)
{
    static const char no_request[] = "stdin is no request of protoc; see protoc-gen-belay --help";
    Plugin__CodeGeneratorRequest *request =
        plugin__code_generator_request__unpack(NULL, input->size, input->bytes);
    const Plugin__CodeGeneratorResponse *response;
    gen_pool pool = {.blocks = NULL};
    int result;

    if (request == NULL)
        return fail(no_request);
    response = generate(&pool, request);
    result = response != NULL ? write_response(response, &pool) : fail(no_request);
    pool_free_all(&pool);
    plugin__code_generator_request__free_unpacked(request, NULL);
    return result;
}

static int
serve_protoc(void)
{
    input_bytes input = {.bytes = NULL};
    int result = read_all(stdin, &input) ? answer(&input) : fail(strerror(errno));

    free(input.bytes);
    return result;
}

int
main(int argc, char **argv)
{
    if (argc == 1)
        return serve_protoc();
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("protoc-gen-belay " BELAY_VERSION_STRING);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    return fail("unknown arguments; see protoc-gen-belay --help");
}
