/* SPDX-License-Identifier: MIT */
/*
 * Files that cannot be used are named, with what is wrong; files that change are noticed, and only good
 * ones count.
 */
#include "transport/tls_files.h"

#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include <belay/time.h>

#include "transport/tls_scene.h"

/* ---- What is wrong with files -------------------------------------------------------------------- */

static void
expect_words(belay_tls *tls, const char *file, const char *what)
{
    char words[BLY_TLS_WORDS];
    belay_tls_error(tls, words, sizeof words);
    CU_ASSERT_PTR_NOT_NULL(strstr(words, file));
    CU_ASSERT_PTR_NOT_NULL(strstr(words, what));
    if (strstr(words, what) == NULL)
        fprintf(stderr, "said: %s\nnot: %s\n", words, what);
}

static void
make_key_with_password(const certificates *files)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *out = fopen(key_file(files, "secret"), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_EQUAL(PEM_write_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), "open", 4, NULL, NULL), 1);
    fclose(out);
    EVP_PKEY_free(key);
}

static void
test_files_that_cannot_be_used_are_named(void)
{
    certificates files;
    certificates_open(&files);
    certificates_make_usual(&files);
    certificates_write(&files, "empty.pem", "");
    certificates_write(&files, "broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    make_key_with_password(&files);
    certificates_make(&files, (certificate_wish){.name = "weak", .issuer = "ca", .is_rsa = true, .bits = 512});
    const struct {
        const char *certificate;
        const char *key;
        const char *file;
        const char *words;
    } wrong[] = {
        {"missing", "server", "missing.pem", "No such file"},
        {"server", "missing", "missing.key", "No such file"},
        {"empty", "server", "empty.pem", "there is none in it"},
        {"broken", "server", "broken.pem", "cannot read a certificate"},
        {"server", "client", "client.key", "is not the key of the (first) certificate in"},
        {"server", "secret", "secret.key", "has a password"},
        {"weak", "weak", "weak.pem", "key too small"},
    };
    belay_tls *tls = belay_tls_new();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CU_ASSERT_EQUAL(belay_tls_set_certificate(tls, certificate_file(&files, wrong[i].certificate),
                                                  key_file(&files, wrong[i].key)),
                        BELAY_FAILED_PRECONDITION);
        expect_words(tls, wrong[i].file, wrong[i].words);
    }
    CU_ASSERT_EQUAL(belay_tls_set_trust(tls, certificate_file(&files, "missing")), BELAY_FAILED_PRECONDITION);
    expect_words(tls, "missing.pem", "No such file");
    CU_ASSERT_EQUAL(belay_tls_set_trust(tls, key_file(&files, "ca")), BELAY_FAILED_PRECONDITION);
    expect_words(tls, "ca.key", "cannot read certificates of authorities");
    CU_ASSERT_EQUAL(belay_tls_set_certificate(tls, NULL, NULL), BELAY_INVALID_ARGUMENT);
    belay_tls_free(tls);
    certificates_close(&files);
}

/* ---- From memory --------------------------------------------------------------------------------- */

typedef struct pem {
    char text[16384];
    size_t size;
} pem;

static pem
read_pem(const char *path)
{
    pem read;
    FILE *in = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    read.size = fread(read.text, 1, sizeof read.text, in);
    fclose(in);
    return read;
}

static void
give_certificate(tls_scene *scene, const char *name)
{
    pem certificate = read_pem(certificate_file(&scene->files, name)), key = read_pem(key_file(&scene->files, name));
    CU_ASSERT_EQUAL(belay_tls_set_certificate_pem(scene->server.tls, certificate.text, certificate.size, key.text,
                                                  key.size),
                    BELAY_OK);
}

static void
give_trust(tls_scene *scene, tls_side *side, const char *name)
{
    pem authorities = read_pem(certificate_file(&scene->files, name));
    CU_ASSERT_EQUAL(belay_tls_set_trust_pem(side->tls, authorities.text, authorities.size), BELAY_OK);
}

static bool
shakes(tls_scene *scene)
{
    tls_scene_shake(scene);
    return scene->client.stream != NULL && scene->server.stream != NULL;
}

static void
test_certificates_may_come_from_memory(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    give_certificate(&scene, "stranger");
    CU_ASSERT_FALSE(shakes(&scene));
    give_trust(&scene, &scene.client, "other-ca");
    CU_ASSERT_TRUE(shakes(&scene));
    give_trust(&scene, &scene.client, "ca");
    CU_ASSERT_FALSE(shakes(&scene));
    give_certificate(&scene, "server");
    CU_ASSERT_TRUE(shakes(&scene));
    give_trust(&scene, &scene.server, "other-ca");
    belay_tls_set_clients(scene.server.tls, BELAY_TLS_CLIENTS_MUST_HAVE);
    CU_ASSERT_EQUAL(belay_tls_set_certificate(scene.client.tls, certificate_file(&scene.files, "stranger"),
                                              key_file(&scene.files, "stranger")),
                    BELAY_OK);
    CU_ASSERT_TRUE(shakes(&scene));
    tls_scene_close(&scene);
}

/* Where some of it came from files, only that is read again. */
static void
test_what_came_from_memory_outlives_a_reload(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    give_certificate(&scene, "stranger");
    give_trust(&scene, &scene.client, "other-ca");
    certificates_write(&scene.files, "server.pem", "nobody's any more");
    certificates_write(&scene.files, "ca.pem", "nobody's any more");
    CU_ASSERT_EQUAL(belay_tls_reload(scene.server.tls), BELAY_OK);
    CU_ASSERT_EQUAL(belay_tls_reload(scene.client.tls), BELAY_OK);
    CU_ASSERT_TRUE(shakes(&scene));
    CU_ASSERT_EQUAL(belay_tls_set_trust(scene.server.tls, certificate_file(&scene.files, "other-ca")), BELAY_OK);
    CU_ASSERT_EQUAL(belay_tls_reload(scene.server.tls), BELAY_OK);
    CU_ASSERT_TRUE(shakes(&scene));
    tls_scene_close(&scene);
}

static void
test_memory_that_cannot_be_used_is_told_of(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    belay_tls *tls = scene.server.tls;
    pem certificate = read_pem(certificate_file(&scene.files, "server"));
    pem key = read_pem(key_file(&scene.files, "server")), other = read_pem(key_file(&scene.files, "client"));
    const belay_code wrong = BELAY_FAILED_PRECONDITION;
    CU_ASSERT_EQUAL(belay_tls_set_certificate_pem(tls, "nonsense", 8, key.text, key.size), wrong);
    expect_words(tls, "the given certificate", "there is none in it (PEM is wanted)");
    CU_ASSERT_EQUAL(belay_tls_set_certificate_pem(tls, certificate.text, 0, key.text, key.size), wrong);
    CU_ASSERT_EQUAL(belay_tls_set_certificate_pem(tls, certificate.text, certificate.size / 2, key.text, key.size),
                    wrong);
    CU_ASSERT_EQUAL(belay_tls_set_certificate_pem(tls, certificate.text, certificate.size, key.text, 0), wrong);
    expect_words(tls, "the given key", "cannot read a key");
    CU_ASSERT_EQUAL(belay_tls_set_certificate_pem(tls, certificate.text, certificate.size, other.text, other.size),
                    wrong);
    expect_words(tls, "the given key is not the key", "the given certificate");
    CU_ASSERT_EQUAL(belay_tls_set_trust_pem(tls, key.text, key.size), wrong);
    expect_words(tls, "the given authorities", "cannot read certificates of authorities");
    CU_ASSERT_EQUAL(belay_tls_set_trust_pem(tls, key.text, (size_t)INT_MAX + 1), wrong);
    expect_words(tls, "the given authorities", "too large");
    CU_ASSERT_EQUAL(belay_tls_set_trust_pem(tls, NULL, 0), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_tls_set_certificate_pem(tls, NULL, 0, key.text, key.size), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_TRUE(shakes(&scene)); /* what was there before */
    tls_scene_close(&scene);
}

/* ---- Files that change --------------------------------------------------------------------------- */

static void
expect_server(tls_scene *scene, const char *authority, bool is_good)
{
    tls_scene_aim(scene, authority);
    tls_scene_shake(scene);
    CU_ASSERT_EQUAL(scene->client.stream != NULL, is_good);
}

static void
open_with_renewal(tls_scene *scene)
{
    tls_scene_open(scene);
    certificates_make(&scene->files,
                      (certificate_wish){.name = "renewed", .issuer = "ca", .names = "DNS:renewed.example"});
    expect_server(scene, "localhost:1", true);
    expect_server(scene, "renewed.example:1", false);
}

static void
test_a_reload_holds_for_new_handshakes(void)
{
    tls_scene scene;
    open_with_renewal(&scene);
    certificates_replace(&scene.files, "server", "renewed");
    expect_server(&scene, "renewed.example:1", false);
    CU_ASSERT_EQUAL(belay_tls_reload(scene.server.tls), BELAY_OK);
    expect_server(&scene, "localhost:1", false);
    expect_server(&scene, "renewed.example:1", true);
    tls_scene_close(&scene);
}

static void
test_a_bad_file_keeps_the_old_one_in_force_and_is_told_of(void)
{
    tls_scene scene;
    open_with_renewal(&scene);
    certificates_write(&scene.files, "server.pem", "nonsense");
    CU_ASSERT_EQUAL(belay_tls_reload(scene.server.tls), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_TRUE(tls_scene_logged(&scene, "NOT used, those from before stay in force"));
    CU_ASSERT_TRUE(tls_scene_logged(&scene, "server.pem"));
    expect_words(scene.server.tls, "server.pem", "cannot read a certificate");
    expect_server(&scene, "localhost:1", true);
    certificates_replace(&scene.files, "server", "renewed");
    CU_ASSERT_EQUAL(belay_tls_reload(scene.server.tls), BELAY_OK);
    expect_server(&scene, "renewed.example:1", true);
    tls_scene_close(&scene);
}

/* It reads well, and yet no handshake could be made with it. */
static void
test_a_certificate_that_tls_would_not_use_is_a_bad_file(void)
{
    tls_scene scene;
    open_with_renewal(&scene);
    certificates_make(&scene.files, (certificate_wish){
        .name = "weak", .issuer = "ca", .names = "DNS:localhost", .is_rsa = true, .bits = 512});
    certificates_replace(&scene.files, "server", "weak");
    CU_ASSERT_EQUAL(belay_tls_reload(scene.server.tls), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_TRUE(tls_scene_logged(&scene, "NOT used, those from before stay in force"));
    expect_server(&scene, "localhost:1", true);
    tls_scene_close(&scene);
}

static void
test_connections_from_before_go_on(void)
{
    tls_scene scene;
    open_with_renewal(&scene);
    tls_scene_aim(&scene, "localhost:1");
    tls_scene_shake(&scene);
    certificates_replace(&scene.files, "server", "renewed");
    CU_ASSERT_EQUAL(belay_tls_reload(scene.server.tls), BELAY_OK);
    tls_side_write(&scene.client, "still here", 10);
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, 10), 10);
    tls_scene_close(&scene);
}

typedef struct log_question {
    tls_scene *scene;
    const char *words;
} log_question;

static bool
is_logged(void *argument)
{
    const log_question *question = argument;
    return tls_scene_logged(question->scene, question->words);
}

/* A second object, which looks at the same files by itself. */
static void
test_changes_are_noticed(void)
{
    tls_scene scene;
    bly_tls_user *user;
    open_with_renewal(&scene);
    belay_tls *tls = belay_tls_new();
    belay_tls_set_check_interval(tls, BELAY_MILLISECONDS(5));
    CU_ASSERT_EQUAL(belay_tls_set_certificate(tls, certificate_file(&scene.files, "server"),
                                              key_file(&scene.files, "server")),
                    BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(bly_tls_use_as_server(tls, &scene.log, &user), BELAY_OK);
    certificates_write(&scene.files, "server.pem", "nonsense");
    wait_until(is_logged, &(log_question){&scene, "NOT used"}, "a bad file is told of");
    CU_ASSERT_FALSE(tls_scene_logged(&scene, "the files were read again"));
    certificates_replace(&scene.files, "server", "renewed");
    wait_until(is_logged, &(log_question){&scene, "the files were read again"}, "good files are read");
    bly_tls_leave(scene.server.user);
    belay_tls_free(scene.server.tls);
    scene.server.tls = tls;
    scene.server.user = user;
    expect_server(&scene, "renewed.example:1", true);
    tls_scene_close(&scene);
}

/* The scene's objects do not look, and are used. */
static void
test_looking_can_begin_later(void)
{
    tls_scene scene;
    open_with_renewal(&scene);
    belay_tls_set_check_interval(scene.server.tls, BELAY_SECONDS(3600));
    belay_tls_set_check_interval(scene.server.tls, BELAY_MILLISECONDS(5));
    certificates_write(&scene.files, "server.pem", "nonsense");
    wait_until(is_logged, &(log_question){&scene, "NOT used"}, "a bad file is told of");
    belay_tls_set_check_interval(scene.server.tls, 0);
    certificates_replace(&scene.files, "server", "renewed");
    expect_server(&scene, "localhost:1", true);
    CU_ASSERT_FALSE(tls_scene_logged(&scene, "the files were read again"));
    tls_scene_close(&scene);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"files_that_cannot_be_used_are_named", test_files_that_cannot_be_used_are_named},
        {"certificates_may_come_from_memory", test_certificates_may_come_from_memory},
        {"what_came_from_memory_outlives_a_reload", test_what_came_from_memory_outlives_a_reload},
        {"memory_that_cannot_be_used_is_told_of", test_memory_that_cannot_be_used_is_told_of},
        {"a_reload_holds_for_new_handshakes", test_a_reload_holds_for_new_handshakes},
        {"a_bad_file_keeps_the_old_one_in_force_and_is_told_of",
         test_a_bad_file_keeps_the_old_one_in_force_and_is_told_of},
        {"a_certificate_that_tls_would_not_use_is_a_bad_file",
         test_a_certificate_that_tls_would_not_use_is_a_bad_file},
        {"connections_from_before_go_on", test_connections_from_before_go_on},
        {"changes_are_noticed", test_changes_are_noticed},
        {"looking_can_begin_later", test_looking_can_begin_later},
        CU_TEST_INFO_NULL,
    };
    return suite_run("transport/tls_files", tests, argc, argv);
}
