/* SPDX-License-Identifier: MIT */
#include "client/channel.h"

#include <stdlib.h>
#include <string.h>

#include "pool/pool.h"

/* ---- Options ---------------------------------------------------------------------------------------- */

static void
options_init(belay_channel_options *options)
{
    *options = (belay_channel_options){
        .send_mark = 64u << 10,
        .accept_compression = true,
        .keeping = bly_channel_default_keeping,
    };
    bly_limits_init(&options->limits);
}

belay_channel_options *
belay_channel_options_new(void)
{
    belay_channel_options *options = malloc(sizeof *options);
    if (options != NULL)
        options_init(options);
    return options;
}

void
belay_channel_options_free(belay_channel_options *options)
{
    if (options == NULL)
        return;
    free(options->authority);
    belay_tls_free(options->tls);
    free(options);
}

void
belay_channel_options_set_max_receive_size(belay_channel_options *options, uint32_t bytes)
{
    options->limits.values[BELAY_LIMIT_RECEIVE_SIZE] = bytes;
}

void
belay_channel_options_set_send_mark(belay_channel_options *options, uint32_t bytes)
{
    options->send_mark = bytes;
}

belay_code
belay_channel_options_set_compression(belay_channel_options *options, belay_compression compression)
{
    if (options == NULL || !bly_compression_is_valid(compression))
        return BELAY_INVALID_ARGUMENT;
    options->compression = compression;
    return BELAY_OK;
}

void
belay_channel_options_set_accept_compression(belay_channel_options *options, bool accept)
{
    options->accept_compression = accept;
}

/* Host, port and what URIs put around them: nothing that could end a header or begin a path. */
static bool
is_authority(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size < 300 && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                                  "-._~!$&'()*+,;=:[]%") == size;
}

belay_code
belay_channel_options_set_authority(belay_channel_options *options, const char *authority)
{
    if (options == NULL || authority == NULL || !is_authority(authority))
        return BELAY_INVALID_ARGUMENT;
    char *copy = strdup(authority);
    if (copy == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    free(options->authority);
    options->authority = copy;
    return BELAY_OK;
}

void
belay_channel_options_set_tls(belay_channel_options *options, belay_tls *tls)
{
    belay_tls *old = options->tls;
    options->tls = tls != NULL ? bly_tls_ref(tls) : NULL;
    belay_tls_free(old);
}

/* ---- Life ------------------------------------------------------------------------------------------- */

static void
destroy(belay_channel *channel)
{
    bly_condition_fini(&channel->changed);
    bly_mutex_fini(&channel->lock);
    bly_tls_target_unref(channel->tls_target);
    free(channel->target);
    free(channel->authority);
    belay_runtime *runtime = channel->runtime;
    free(channel);
    belay_runtime_unref(runtime);
}

void
bly_channel_ref(belay_channel *channel)
{
    bly_refcount_take(&channel->refs);
}

void
bly_channel_unref(belay_channel *channel)
{
    if (bly_refcount_release(&channel->refs))
        destroy(channel);
}

/* A unix socket has no host: gRPC sends "localhost" then. */
static char *
make_authority(const belay_channel_options *options, const bly_address *address, const char *target)
{
    if (options->authority != NULL)
        return strdup(options->authority);
    char *host = options->tls != NULL ? bly_tls_host(options->tls) : NULL;
    if (host != NULL)
        return host;
    return strdup(address->is_unix ? "localhost" : target);
}

static void
describe(belay_channel *channel, const belay_channel_options *options)
{
    channel->host = (bly_client_host){
        .ops = &bly_channel_host_ops,
        .argument = channel,
        .runtime = channel->runtime,
        .loop = channel->loop,
        .target = channel->target,
        .authority = channel->authority,
        .limits = &channel->limit_record,
        .is_secure = channel->tls != NULL,
        .receive_size = bly_limits_u32(&channel->limits, BELAY_LIMIT_RECEIVE_SIZE),
        .send_mark = options->send_mark,
        .stream_window = bly_limits_u32(&channel->limits, BELAY_LIMIT_STREAM_WINDOW),
        .compression = options->compression,
        .accept_compression = options->accept_compression,
    };
}

/* False: there is no memory, no host to ask for, or whom to believe cannot be had. */
static bool
secure(belay_channel *channel, belay_tls *tls)
{
    if (tls == NULL)
        return true;
    channel->tls_target = bly_tls_target_new(tls, channel->authority);
    if (channel->tls_target == NULL)
        bly_log_write(&channel->runtime->log, BELAY_LOG_ERROR,
                      "TLS: \"%s\" names no host that a certificate could be for", channel->authority);
    return channel->tls_target != NULL &&
           bly_tls_use_as_client(tls, &channel->runtime->log, &channel->tls) == BELAY_OK;
}

belay_channel *
belay_channel_new(belay_runtime *runtime, const char *target, const belay_channel_options *options)
{
    bly_address address;
    belay_channel_options defaults;
    if (target == NULL || !bly_address_parse(target, &address))
        return NULL;
    if (options == NULL) {
        options_init(&defaults);
        options = &defaults;
    }
    belay_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return NULL;
    bly_refcount_init(&channel->refs);
    bly_mutex_init(&channel->lock);
    bly_condition_init(&channel->changed);
    channel->address = address;
    channel->keeping = options->keeping;
    channel->limits = options->limits;
    channel->target = strdup(target);
    channel->authority = make_authority(options, &address, target);
    channel->runtime = runtime != NULL ? belay_runtime_ref(runtime) : belay_runtime_new(NULL);
    if (channel->target == NULL || channel->authority == NULL || channel->runtime == NULL ||
        !secure(channel, options->tls)) {
        destroy(channel);
        return NULL;
    }
    channel->loop = bly_runtime_next_loop(channel->runtime);
    bly_limit_record_init(&channel->limit_record, &channel->limits, &channel->runtime->log,
                          "belay_channel_options_set_limit");
    describe(channel, options);
    bly_channel_init_io(channel);
    bly_resident_enter(&channel->resident, channel->runtime);
    return channel;
}

static void
close_on_loop(void *argument)
{
    bly_channel_close(argument);
}

void
belay_channel_free(belay_channel *channel)
{
    if (channel == NULL)
        return;
    bly_pool_blocked_begin();
    bly_loop_call(channel->loop, close_on_loop, channel);
    bly_mutex_lock(&channel->lock);
    while (!channel->closed)
        bly_condition_wait(&channel->changed, &channel->lock);
    bly_mutex_unlock(&channel->lock);
    bly_resident_leave(&channel->resident, channel->runtime);
    bly_tls_leave(channel->tls);
    bly_pool_blocked_end();
    bly_channel_unref(channel);
}

const char *
belay_channel_target(const belay_channel *channel)
{
    return channel->target;
}

/* ---- Calls ------------------------------------------------------------------------------------------ */

belay_code
belay_call_start(belay_channel *channel, belay_context *context, const belay_method *method,
                 const ProtobufCMessage *request, const belay_call_options *options, belay_call **call)
{
    if (channel == NULL || method == NULL || call == NULL)
        return BELAY_INVALID_ARGUMENT;
    return bly_client_call_start(&channel->host, context, method, request, options, true, call);
}

belay_code
belay_call_unary(belay_channel *channel, belay_context *context, const belay_method *method,
                 const ProtobufCMessage *request, const belay_call_options *options, ProtobufCMessage **reply,
                 belay_status **status)
{
    if (channel == NULL || method == NULL)
        return BELAY_INVALID_ARGUMENT;
    belay_call *call;
    belay_code code = bly_client_call_start(&channel->host, context, method, request, options, false, &call);
    return code == BELAY_OK ? bly_client_call_finish_unary(call, true, reply, status) : code;
}
