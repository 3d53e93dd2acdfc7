/* SPDX-License-Identifier: MIT */
/*
 * Files that change while a belay_tls is used. Either all of them can be used, or what was there stays.
 */
#include <stdio.h>
#include <string.h>

#include "transport/tls_inside.h"

/* ---- Telling ------------------------------------------------------------------------------------- */

static bool
told_already_locked(const belay_tls *tls, const bly_tls_user *user)
{
    for (const bly_link *link = tls->users.next; link != &user->link; link = link->next) {
        if (BLY_LIST_ENTRY(link, const bly_tls_user, link)->log == user->log)
            return true;
    }
    return false;
}

/* Everybody who uses it, once for each log. */
static void
tell_users(belay_tls *tls, belay_log_level level, const char *words)
{
    bly_mutex_lock(&tls->lock);
    for (const bly_link *link = tls->users.next; link != &tls->users; link = link->next) {
        const bly_tls_user *user = BLY_LIST_ENTRY(link, const bly_tls_user, link);
        if (!told_already_locked(tls, user))
            bly_log_write(user->log, level, "TLS: %s", words);
    }
    bly_mutex_unlock(&tls->lock);
}

/* ---- Reading again ------------------------------------------------------------------------------- */

static void
look(belay_tls *tls, bly_tls_stamp stamps[BLY_TLS_FILES])
{
    BLY_ASSERT_HELD(&tls->reading); /* or else the names could change */
    stamps[0] = bly_tls_stamp_of(tls->certificate_file);
    stamps[1] = bly_tls_stamp_of(tls->key_file);
    stamps[2] = bly_tls_stamp_of(tls->ca_file);
}

static bool
are_equal(const bly_tls_stamp *a, const bly_tls_stamp *b)
{
    for (int i = 0; i < BLY_TLS_FILES; i++) {
        if (!bly_tls_stamps_equal(&a[i], &b[i]))
            return false;
    }
    return true;
}

static bool
read_all(const belay_tls *tls, bly_tls_own *own, bly_tls_trust *trust, char words[BLY_TLS_WORDS])
{
    const bly_tls_source ca = {.name = tls->ca_file};
    if (tls->certificate_file != NULL &&
        !bly_tls_own_read(own, (bly_tls_source){.name = tls->certificate_file},
                          (bly_tls_source){.name = tls->key_file}, words))
        return false;
    return tls->trust.store == NULL || tls->keeps_trust ||
           bly_tls_trust_read(trust, tls->ca_file != NULL ? &ca : NULL, words);
}

/* In exchange for what was in force; what came from memory stays. */
static void
put_in_force(belay_tls *tls, bly_tls_own *own, bly_tls_trust *trust)
{
    bly_tls_own old_own = tls->own;
    bly_tls_trust old_trust = tls->trust;
    bly_mutex_lock(&tls->lock);
    if (own->certificate != NULL) {
        tls->own = *own;
        *own = old_own;
    }
    if (trust->store != NULL) {
        tls->trust = *trust;
        *trust = old_trust;
    }
    bly_tls_forget_contexts_locked(tls);
    bly_mutex_unlock(&tls->lock);
}

static belay_code
reload(belay_tls *tls, const bly_tls_stamp stamps[BLY_TLS_FILES])
{
    BLY_ASSERT_HELD(&tls->reading);
    char words[BLY_TLS_WORDS], line[BLY_TLS_WORDS + 100];
    bly_tls_own own = {0};
    bly_tls_trust trust = {0};
    memcpy(tls->read, stamps, sizeof tls->read);
    memcpy(tls->looked, stamps, sizeof tls->looked);
    bool is_good = read_all(tls, &own, &trust, words);
    if (is_good) {
        put_in_force(tls, &own, &trust);
        tell_users(tls, BELAY_LOG_INFO, "the files were read again, and are in force for new connections");
    } else {
        snprintf(line, sizeof line, "the changed files are NOT used, those from before stay in force: %s",
                 words);
        tell_users(tls, BELAY_LOG_ERROR, line);
        bly_mutex_lock(&tls->lock);
        memcpy(tls->words, words, sizeof tls->words);
        bly_mutex_unlock(&tls->lock);
    }
    bly_tls_own_fini(&own);
    bly_tls_trust_fini(&trust);
    return is_good ? BELAY_OK : BELAY_FAILED_PRECONDITION;
}

belay_code
belay_tls_reload(belay_tls *tls)
{
    if (tls == NULL)
        return BELAY_INVALID_ARGUMENT;
    bly_tls_stamp stamps[BLY_TLS_FILES];
    bly_mutex_lock(&tls->reading);
    look(tls, stamps);
    belay_code code = reload(tls, stamps);
    bly_mutex_unlock(&tls->reading);
    return code;
}

/* ---- Looking, every now and then ----------------------------------------------------------------- */

static void
arm(belay_tls *tls)
{
    bly_mutex_lock(&tls->lock);
    uint64_t interval = tls->check_ns;
    bly_mutex_unlock(&tls->lock);
    uint64_t now = bly_clock_now(bly_loop_clock(tls->loop));
    bly_timer_disarm(tls->loop, &tls->check); /* a new interval was set meanwhile */
    if (interval > 0 && !bly_timer_arm(tls->loop, &tls->check, bly_clock_after(now, interval)))
        tell_users(tls, BELAY_LOG_ERROR, "no memory to look at the files: changes will not be noticed");
}

void
bly_tls_begin_checking(void *tls)
{
    arm(tls);
}

void
bly_tls_end_checking(void *tls)
{
    belay_tls *own = tls;
    bly_timer_disarm(own->loop, &own->check);
}

/* Files are replaced one after the other, and not all at once: they are read when nothing has changed
 * since the last look. */
void
bly_tls_check(bly_timer *timer)
{
    belay_tls *tls = BLY_CONTAINER_OF(timer, belay_tls, check);
    bly_tls_stamp stamps[BLY_TLS_FILES];
    bly_mutex_lock(&tls->reading);
    look(tls, stamps);
    if (!are_equal(stamps, tls->looked))
        memcpy(tls->looked, stamps, sizeof tls->looked);
    else if (!are_equal(stamps, tls->read))
        (void)!reload(tls, stamps);
    bly_mutex_unlock(&tls->reading);
    arm(tls);
}
