/* SPDX-License-Identifier: MIT */
#include "transport/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "support/suite.h"

static void
expect_address(const char *text, const char *host, const char *port, const char *written)
{
    bly_address address;
    char back[BLY_ADDRESS_TEXT_SIZE];
    CU_ASSERT_TRUE_FATAL(bly_address_parse(text, &address));
    CU_ASSERT_EQUAL(address.is_unix, port == NULL);
    CU_ASSERT_STRING_EQUAL(address.host, host);
    if (port != NULL)
        CU_ASSERT_STRING_EQUAL(address.port, port);
    bly_address_write(&address, back, sizeof back);
    CU_ASSERT_STRING_EQUAL(back, written);
}

static void
test_addresses_are_read_and_written_back(void)
{
    expect_address("127.0.0.1:50051", "127.0.0.1", "50051", "127.0.0.1:50051");
    expect_address("localhost:0", "localhost", "0", "localhost:0");
    expect_address("a-b_c.example:65535", "a-b_c.example", "65535", "a-b_c.example:65535");
    expect_address("[::1]:50051", "::1", "50051", "[::1]:50051");
    expect_address("[fe80::1%eth0]:1", "fe80::1%eth0", "1", "[fe80::1%eth0]:1");
    expect_address("unix:/run/x", "/run/x", NULL, "unix:/run/x");
    expect_address("unix:///run/x", "/run/x", NULL, "unix:/run/x");
    expect_address("unix:relative", "relative", NULL, "unix:relative");
}

static void
test_what_is_no_address_is_refused_and_nothing_written(void)
{
    static const char *const texts[] = {
        "",         "localhost",    ":50051",         "localhost:",   "localhost:x", "localhost:65536",
        "h:-1",     "h:+1",         "h: 1",           "h:000001",     "::1:50051",   "[::1]",
        "[::1:1",   "[127.0.0.1]:", "[127.0.0.1]:1",  "[]:1",         "h/x:1",       "h h:1",
        "unix:",    "unix://",      "[fe80::1%]:1",   "[::1%a/b]:1",  "http://h:1",  "h:1\n",
        "[::1]x:1", "x[::1]:1",     "[::1]]:1",       "h:99999999999",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bly_address address = {.host = "untouched"};
        bool parsed = bly_address_parse(texts[i], &address);
        CU_ASSERT_FALSE(parsed);
        CU_ASSERT_STRING_EQUAL(address.host, "untouched");
    }
}

static void
test_names_that_are_too_long_are_refused(void)
{
    bly_address address;
    char text[600];
    memset(text, 'h', sizeof text);
    memcpy(text + 256, ":1", 3);
    CU_ASSERT_FALSE(bly_address_parse(text, &address));
    memset(text, 'h', sizeof text);
    memcpy(text + 255, ":1", 3);
    CU_ASSERT_TRUE(bly_address_parse(text, &address));
    size_t room = sizeof((struct sockaddr_un *)0)->sun_path;
    memset(text, 'p', sizeof text);
    memcpy(text, "unix:", 5);
    text[5 + room] = '\0';
    CU_ASSERT_FALSE(bly_address_parse(text, &address));
    text[5 + room - 1] = '\0';
    CU_ASSERT_TRUE(bly_address_parse(text, &address));
}

static void
expect_literal(const char *text)
{
    bly_address address;
    bly_socket_address literal;
    char back[BLY_ADDRESS_TEXT_SIZE];
    CU_ASSERT_TRUE_FATAL(bly_address_parse(text, &address));
    CU_ASSERT_TRUE_FATAL(bly_address_literal(&address, &literal));
    bly_address_format((struct sockaddr *)&literal.storage, literal.length, back, sizeof back);
    CU_ASSERT_STRING_EQUAL(back, text);
}

static void
test_numeric_addresses_need_no_resolver(void)
{
    bly_address address;
    bly_socket_address literal;
    expect_literal("1.2.3.4:50051");
    expect_literal("[::1]:0");
    expect_literal("[2001:db8::2]:443");
    expect_literal("unix:/run/x");
    CU_ASSERT_TRUE(bly_address_parse("localhost:1", &address));
    CU_ASSERT_FALSE(bly_address_literal(&address, &literal));
}

static void
test_socket_without_a_name_is_written_as_unix(void)
{
    struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    char text[BLY_ADDRESS_TEXT_SIZE];
    bly_address_format((struct sockaddr *)&nameless, sizeof nameless.sun_family, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "unix:");
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"addresses_are_read_and_written_back", test_addresses_are_read_and_written_back},
        {"what_is_no_address_is_refused_and_nothing_written",
         test_what_is_no_address_is_refused_and_nothing_written},
        {"names_that_are_too_long_are_refused", test_names_that_are_too_long_are_refused},
        {"numeric_addresses_need_no_resolver", test_numeric_addresses_need_no_resolver},
        {"socket_without_a_name_is_written_as_unix", test_socket_without_a_name_is_written_as_unix},
        CU_TEST_INFO_NULL,
    };
    return suite_run("transport/address", tests, argc, argv);
}
