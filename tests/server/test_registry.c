/* SPDX-License-Identifier: MIT */
#include "server/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fixture.h"

static belay_code
no_thunk(belay_call *call, const void *handlers, const void *request, void *reply)
{
    (void)call;
    (void)handlers;
    (void)request;
    (void)reply;
    return BELAY_UNIMPLEMENTED;
}

#define METHOD(p) {(p), 0, &belay__test__note__descriptor, &belay__test__note__descriptor, no_thunk}
#define SERVICE(text, list)                       \
    {.name = (text),                              \
     .handlers_size = sizeof(int),                \
     .method_count = sizeof(list) / sizeof((list)[0]), \
     .methods = (list)}

static const belay_method store_methods[] = {
    METHOD("/shop.Store/Put"),
    METHOD("/shop.Store/Get"),
    METHOD("/shop.Store/GetAll"),
};
static const belay_method storage_methods[] = {
    METHOD("/shop.Storage/Get"),
};
static const belay_method plain_methods[] = {
    METHOD("/Plain/Do"),
};
static const belay_service store = SERVICE("shop.Store", store_methods);
static const belay_service storage = SERVICE("shop.Storage", storage_methods);
static const belay_service plain = SERVICE("Plain", plain_methods);

static const int handlers = 42;

static void
open_shop(bly_registry *registry)
{
    memset(registry, 0, sizeof *registry);
    CU_ASSERT_EQUAL_FATAL(bly_registry_add(registry, &store, &handlers, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(bly_registry_add(registry, &plain, &handlers, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(bly_registry_add(registry, &storage, &handlers, NULL), BELAY_OK);
}

/* What a path is: 2: a method, 1: none, but its service is known, 0: nothing. */
static int
look_up(const bly_registry *registry, const char *path)
{
    bool service_known = false;
    /* Not ended by a NUL, as what comes from the wire need not be. */
    size_t size = strlen(path);
    char *bytes = malloc(size > 0 ? size : 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    memcpy(bytes, path, size);
    const bly_registration *found = bly_registry_find(registry, bytes, size, &service_known);
    free(bytes);
    if (found != NULL) {
        CU_ASSERT_STRING_EQUAL(found->method->path, path);
        CU_ASSERT_TRUE(service_known);
        return 2;
    }
    return service_known ? 1 : 0;
}

static void
test_every_method_is_found_by_its_path(void)
{
    bly_registry registry;
    open_shop(&registry);
    CU_ASSERT_EQUAL(look_up(&registry, "/shop.Store/Put"), 2);
    CU_ASSERT_EQUAL(look_up(&registry, "/shop.Store/Get"), 2);
    CU_ASSERT_EQUAL(look_up(&registry, "/shop.Store/GetAll"), 2);
    CU_ASSERT_EQUAL(look_up(&registry, "/shop.Storage/Get"), 2);
    CU_ASSERT_EQUAL(look_up(&registry, "/Plain/Do"), 2);
    bly_registry_fini(&registry);
}

static void
test_an_unknown_method_of_a_known_service_is_told_from_an_unknown_service(void)
{
    bly_registry registry;
    open_shop(&registry);
    static const char *const known[] = {
        "/shop.Store/", "/shop.Store/A", "/shop.Store/Ge", "/shop.Store/GetAl", "/shop.Store/GetAllx",
        "/shop.Store/Getx", "/shop.Store/Zzz", "/shop.Store/put", "/shop.Store/Get/", "/shop.Storage/Put",
        "/Plain/", "/Plain/\xff",
    };
    static const char *const unknown[] = {
        "", "/", "//", "shop.Store/Get", "/shop.Store", "/shop.Stor/Get", "/shop.Stores/Get",
        "/Shop.Store/Get", "/shop.Storag/Get", "/a/b", "/zzz/b", "/Plain", "/Plai/Do", "*", "/shop/Store/Get",
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        CU_ASSERT_EQUAL(look_up(&registry, known[i]), 1);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        CU_ASSERT_EQUAL(look_up(&registry, unknown[i]), 0);
    bly_registry_fini(&registry);
}

static void
test_in_an_empty_registry_nothing_is_found(void)
{
    bly_registry registry;
    memset(&registry, 0, sizeof registry);
    CU_ASSERT_EQUAL(look_up(&registry, "/shop.Store/Get"), 0);
    CU_ASSERT_EQUAL(look_up(&registry, ""), 0);
    bly_registry_fini(&registry);
}

static void
test_a_path_with_a_nul_is_another_path(void)
{
    bly_registry registry;
    bool service_known;
    open_shop(&registry);
    static const char path[] = "/shop.Store/Get\0All";
    CU_ASSERT_PTR_NULL(bly_registry_find(&registry, path, sizeof path - 1, &service_known));
    CU_ASSERT_TRUE(service_known);
    CU_ASSERT_PTR_NOT_NULL(bly_registry_find(&registry, path, strlen(path), &service_known));
    bly_registry_fini(&registry);
}

static void
test_the_table_of_handlers_is_copied_and_the_data_kept(void)
{
    bly_registry registry;
    bool service_known;
    int table = 1, data = 2;
    memset(&registry, 0, sizeof registry);
    CU_ASSERT_EQUAL(bly_registry_add(&registry, &store, &table, &data), BELAY_OK);
    table = 3;
    const bly_registration *found = bly_registry_find(&registry, "/shop.Store/Get", 15, &service_known);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_EQUAL(*(const int *)found->handlers, 1);
    CU_ASSERT_PTR_EQUAL(found->data, &data);
    CU_ASSERT_FALSE(found->reserved);
    bly_registry_fini(&registry);
}

static void
test_a_service_is_added_once(void)
{
    bly_registry registry;
    open_shop(&registry);
    size_t count = registry.count;
    CU_ASSERT_EQUAL(bly_registry_add(&registry, &store, &handlers, NULL), BELAY_ALREADY_EXISTS);
    CU_ASSERT_EQUAL(registry.count, count);
    /* One method that is there is enough. */
    static const belay_method mixed_methods[] = {METHOD("/shop.Store/New"), METHOD("/shop.Store/Get")};
    static const belay_service mixed = SERVICE("shop.Store", mixed_methods);
    CU_ASSERT_EQUAL(bly_registry_add(&registry, &mixed, &handlers, NULL), BELAY_ALREADY_EXISTS);
    CU_ASSERT_EQUAL(look_up(&registry, "/shop.Store/New"), 1);
    bly_registry_fini(&registry);
}

static void
test_a_method_twice_in_one_table_is_refused(void)
{
    bly_registry registry;
    memset(&registry, 0, sizeof registry);
    static const belay_method methods[] = {METHOD("/Twin/Do"), METHOD("/Twin/Other"), METHOD("/Twin/Do")};
    static const belay_service twin = SERVICE("Twin", methods);
    CU_ASSERT_EQUAL(bly_registry_add(&registry, &twin, &handlers, NULL), BELAY_ALREADY_EXISTS);
    CU_ASSERT_EQUAL(look_up(&registry, "/Twin/Other"), 0); /* none of it is there */
    bly_registry_fini(&registry);
}

static void
test_malformed_services_are_refused(void)
{
    static const ProtobufCMessageDescriptor *const note = &belay__test__note__descriptor;
    static const belay_method bad[] = {
        {NULL, 0, note, note, no_thunk},
        {"", 0, note, note, no_thunk},
        {"Store/Get", 0, note, note, no_thunk},
        {"/Store/Get", 0, NULL, note, no_thunk},
        {"/Store/Get", 0, note, NULL, no_thunk},
        {"/Store/Get", 0, note, note, NULL},
    };
    bly_registry registry;
    memset(&registry, 0, sizeof registry);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        belay_service service = {
            .name = "Store", .handlers_size = sizeof handlers, .method_count = 1, .methods = &bad[i]};
        CU_ASSERT_EQUAL(bly_registry_add(&registry, &service, &handlers, NULL), BELAY_INVALID_ARGUMENT);
    }
    belay_service nameless = store;
    nameless.name = NULL;
    CU_ASSERT_EQUAL(bly_registry_add(&registry, &nameless, &handlers, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(bly_registry_add(&registry, NULL, &handlers, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(bly_registry_add(&registry, &store, NULL, NULL), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(registry.count, 0);
    bly_registry_fini(&registry);
}

static void
test_a_service_without_methods_is_nothing(void)
{
    bly_registry registry;
    memset(&registry, 0, sizeof registry);
    belay_service empty = {.name = "Empty", .methods = store_methods};
    CU_ASSERT_EQUAL(bly_registry_add(&registry, &empty, NULL, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(look_up(&registry, "/Empty/Get"), 0);
    bly_registry_fini(&registry);
}

/* In an order that is neither up nor down. */
static void
test_many_services_are_found_whatever_their_order(void)
{
    enum { COUNT = 257 };
    static belay_method methods[COUNT];
    static char paths[COUNT][32];
    bly_registry registry;
    memset(&registry, 0, sizeof registry);
    for (int i = 0; i < COUNT; i++) {
        int number = i * 101 % COUNT;
        snprintf(paths[i], sizeof paths[i], "/s%d.Service/Method", number);
        methods[i] = (belay_method)METHOD(paths[i]);
        belay_service service = {
            .name = "S", .handlers_size = sizeof handlers, .method_count = 1, .methods = &methods[i]};
        CU_ASSERT_EQUAL(bly_registry_add(&registry, &service, &handlers, NULL), BELAY_OK);
    }
    for (int i = 0; i < COUNT; i++) {
        char path[40];
        CU_ASSERT_EQUAL(look_up(&registry, paths[i]), 2);
        snprintf(path, sizeof path, "/s%d.Service/Methodic", i);
        CU_ASSERT_EQUAL(look_up(&registry, path), 1);
        snprintf(path, sizeof path, "/s%d.Services/Method", i);
        CU_ASSERT_EQUAL(look_up(&registry, path), 0);
    }
    bly_registry_fini(&registry);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(every_method_is_found_by_its_path),
        TEST(an_unknown_method_of_a_known_service_is_told_from_an_unknown_service),
        TEST(in_an_empty_registry_nothing_is_found),
        TEST(a_path_with_a_nul_is_another_path),
        TEST(the_table_of_handlers_is_copied_and_the_data_kept),
        TEST(a_service_is_added_once),
        TEST(a_method_twice_in_one_table_is_refused),
        TEST(malformed_services_are_refused),
        TEST(a_service_without_methods_is_nothing),
        TEST(many_services_are_found_whatever_their_order),
        CU_TEST_INFO_NULL,
    };
    return suite_run("registry", tests, argc, argv);
}
