/* SPDX-License-Identifier: MIT */
#include "wait/pipes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- Feeding ----------------------------------------------------------------------------------- */

/* write() to a pipe has no MSG_NOSIGNAL: SIGPIPE is blocked for the thread, and taken back when it came of
 * this. */
static ssize_t
write_quietly(int fd, const void *data, size_t size)
{
    sigset_t pipe_alone;
    sigset_t before;
    sigset_t pending;
    sigemptyset(&pipe_alone);
    sigaddset(&pipe_alone, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_alone, &before);
    ssize_t written = write(fd, data, size);
    int error = errno;
    sigpending(&pending);
    if (written < 0 && error == EPIPE && !was_pending && sigismember(&pending, SIGPIPE) == 1) {
        int taken;
        sigwait(&pipe_alone, &taken);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

void
bly_feed_write(bly_feed *feed)
{
    ssize_t written = 0;
    if (feed->left > 0)
        written = write_quietly(feed->fd, feed->data, feed->left);
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (written > 0) {
        feed->data += written;
        feed->left -= (size_t)written;
    }
    if (written < 0 || feed->left == 0)
        bly_feed_close(feed);
}

void
bly_feed_close(bly_feed *feed)
{
    if (feed->fd >= 0)
        close(feed->fd);
    feed->fd = -1;
}

/* ---- Catching ---------------------------------------------------------------------------------- */

#define CHUNK 65536

static void
close_catch(bly_catch *catch)
{
    if (catch->fd >= 0)
        close(catch->fd);
    catch->fd = -1;
}

static bool
make_room(bly_catch *catch, size_t size)
{
    if (catch->capacity - catch->size >= size)
        return true;
    size_t capacity = catch->capacity < CHUNK ? CHUNK : 2 * catch->capacity;
    if (capacity < catch->size + size)
        capacity = catch->size + size;
    char *data = realloc(catch->data, capacity);
    if (data == NULL)
        return false;
    catch->data = data;
    catch->capacity = capacity;
    return true;
}

static void
keep(bly_catch *catch, const char *data, size_t size)
{
    size_t room = catch->limit - catch->size;
    size_t kept = size < room ? size : room;
    if (kept < size)
        catch->was_cut = true;
    if (kept == 0)
        return;
    if (!make_room(catch, kept)) {
        catch->has_failed = true;
        return;
    }
    memcpy(catch->data + catch->size, data, kept);
    catch->size += kept;
}

/* The number of bytes read; 0 when the pipe has ended, or is empty for now. */
static size_t
read_up_to(bly_catch *catch, size_t most)
{
    char chunk[8192];
    ssize_t size = read(catch->fd, chunk, most < sizeof chunk ? most : sizeof chunk);
    if (size > 0)
        keep(catch, chunk, (size_t)size);
    else if (size == 0 || (errno != EAGAIN && errno != EINTR))
        close_catch(catch);
    return size > 0 ? (size_t)size : 0;
}

static void
read_all_of(bly_catch *catch, size_t most)
{
    size_t size;
    while (most > 0 && catch->fd >= 0 && (size = read_up_to(catch, most)) > 0)
        most -= size;
}

void
bly_catch_read(bly_catch *catch)
{
    read_all_of(catch, CHUNK);
}

void
bly_catch_read_rest(bly_catch *catch)
{
    int size = 0;
    if (catch->fd >= 0 && ioctl(catch->fd, FIONREAD, &size) == 0 && size > 0)
        read_all_of(catch, (size_t)size);
}

void
bly_catch_fini(bly_catch *catch)
{
    close_catch(catch);
    free(catch->data);
}
