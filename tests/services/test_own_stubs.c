/* SPDX-License-Identifier: MIT */
/*
 * A program that has stubs of its own for a service that the library has too, made from another version of its proto,
 * and contains the static library: each has its own.
 */
#include <belay/health.h>

#include <string.h>

#include "health.belay.h"
#include "support/fixture.h"

#define SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING

static void
expect(fixture *f, int status)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    Grpc__Health__V1__HealthCheckResponse *reply = NULL;
    belay_code code = grpc_health_v1_health_check(f->channel, NULL, &request, NULL, &reply, NULL);
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    CU_ASSERT_EQUAL((int)reply->status, status);
    grpc__health__v1__health_check_response__free_unpacked(reply, NULL);
}

static void
add_the_library_s(belay_server *server)
{
    CU_ASSERT_EQUAL_FATAL(belay_health_add(server), BELAY_OK);
}

static void
test_own_stubs_talk_to_the_library_s_service(void)
{
    fixture f;
    fixture_open(&f, &(fixture_options){.configure = add_the_library_s});
    expect(&f, SERVING);
    CU_ASSERT_EQUAL(belay_health_set(f.server, "", BELAY_HEALTH_NOT_SERVING), BELAY_OK);
    expect(&f, NOT_SERVING);
    fixture_close(&f);
}

static belay_code
check(belay_call *call, const Grpc__Health__V1__HealthCheckRequest *request,
      Grpc__Health__V1__HealthCheckResponse *reply)
{
    (void)call, (void)request;
    reply->status = NOT_SERVING;
    return BELAY_OK;
}

static void
add_own(belay_server *server)
{
    static const grpc_health_v1_health_handlers handlers = {.check = check};
    CU_ASSERT_EQUAL_FATAL(grpc_health_v1_health_add(server, &handlers, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(belay_health_add(server), BELAY_ALREADY_EXISTS);
}

static void
test_own_service_takes_the_place_of_the_library_s(void)
{
    fixture f;
    fixture_open(&f, &(fixture_options){.configure = add_own});
    expect(&f, NOT_SERVING);
    fixture_close(&f);
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"own stubs, the library's service", test_own_stubs_talk_to_the_library_s_service},
        {"own service", test_own_service_takes_the_place_of_the_library_s},
        CU_TEST_INFO_NULL,
    };
    return suite_run("own-stubs", tests, argc, argv);
}
