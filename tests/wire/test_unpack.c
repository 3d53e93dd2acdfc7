/* SPDX-License-Identifier: MIT */
#include "wire/unpack.h"

#include "support/suite.h"
#include "wire/nested.pb-c.h"
#include "wire/random.h"

typedef Belay__Test__Node node;

/* ---- Memory that is counted ------------------------------------------------------------------------ */

typedef struct purse {
    ProtobufCAllocator allocator;
    size_t live;  /* allocations not freed yet */
    size_t spent; /* bytes, freed ones included */
    int failing;  /* the next allocation to fail, counted down; 0: none */
} purse;

static void *
purse_allocate(void *data, size_t size)
{
    purse *from = data;
    if (from->failing > 0 && --from->failing == 0)
        return NULL;
    from->live++;
    from->spent += size;
    return malloc(size);
}

static void
purse_release(void *data, void *memory)
{
    purse *from = data;
    from->live -= memory != NULL;
    free(memory);
}

static void
purse_init(purse *to)
{
    *to = (purse){.allocator = {purse_allocate, purse_release, to}};
}

/* ---- Bytes of messages ----------------------------------------------------------------------------- */

typedef struct wire {
    uint8_t *data;
    size_t size;
} wire;

static void
put(wire *to, const void *data, size_t size)
{
    to->data = realloc(to->data, to->size + size);
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void
put_varint(wire *to, uint64_t value)
{
    uint8_t byte;
    do {
        byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        put(to, &byte, 1);
        value >>= 7;
    } while (value != 0);
}

static void
put_length(wire *to, unsigned int field, size_t size)
{
    put_varint(to, field << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED);
    put_varint(to, size);
}

/* Wraps what is there into one more message, as its field. */
static void
wrap(wire *to, unsigned int field)
{
    wire outer = {NULL, 0};
    put_length(&outer, field, to->size);
    if (to->size > 0)
        put(&outer, to->data, to->size);
    free(to->data);
    *to = outer;
}

/* A message that holds others down to a depth, itself counted. */
static wire
nested(unsigned int field, unsigned int depth)
{
    wire bytes = {NULL, 0};
    put(&bytes, "", 0);
    for (unsigned int level = 1; level < depth; level++)
        wrap(&bytes, field);
    return bytes;
}

/* ---- Unpacking ------------------------------------------------------------------------------------- */

/* A copy of exactly that size, so that reading past it is noticed. */
static uint8_t *
exact(const void *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, data, size);
    return copy;
}

/* Unpacks a node; a failure leaves nothing behind and the result alone. */
static belay_code
unpack(purse *from, const void *data, size_t size, node **result)
{
    uint8_t *copy = exact(data, size);
    ProtobufCMessage untouched, *message = &untouched;
    belay_code code = bly_unpack(&belay__test__node__descriptor, &from->allocator, copy, size, &message);
    free(copy);
    if (code == BELAY_OK) {
        *result = (node *)message;
    } else {
        CU_ASSERT_PTR_EQUAL(message, &untouched);
        CU_ASSERT_EQUAL(from->live, 0);
    }
    CU_ASSERT(from->spent <= BLY_UNPACK_MAX_SIZE);
    return code;
}

static void
discard(purse *from, node *message)
{
    protobuf_c_message_free_unpacked(&message->base, &from->allocator);
    CU_ASSERT_EQUAL(from->live, 0);
}

static belay_code
try(const void *data, size_t size)
{
    purse from;
    node *message;
    purse_init(&from);
    belay_code code = unpack(&from, data, size, &message);
    if (code == BELAY_OK)
        discard(&from, message);
    return code;
}

static belay_code
try_wire(wire bytes)
{
    belay_code code = try(bytes.data, bytes.size);
    free(bytes.data);
    return code;
}

/* A message with a value in every field, to be freed as bytes. */
static wire
everything(void)
{
    node inner = BELAY__TEST__NODE__INIT, outer = BELAY__TEST__NODE__INIT, *two[] = {&inner, &inner};
    Belay__Test__Node__TableEntry entry = BELAY__TEST__NODE__TABLE_ENTRY__INIT, *table[] = {&entry, &entry};
    Belay__Test__Strict strict = BELAY__TEST__STRICT__INIT;
    uint32_t numbers[] = {0, 1, 300, UINT32_MAX};
    uint64_t wide[] = {1, UINT64_MAX};
    char one[] = "one", none[] = "", three[] = "three", *texts[] = {one, none, three};
    inner.pick_case = BELAY__TEST__NODE__PICK_WORD;
    inner.word = one;
    entry.key = three;
    entry.value = &inner;
    outer = (node){
        .base = outer.base, .child = &inner, .n_children = 2, .children = two,
        .pick_case = BELAY__TEST__NODE__PICK_PICKED, .picked = &inner, .n_table = 2, .table = table,
        .n_packed = 4, .packed = numbers, .n_single = 4, .single = numbers,
        .n_packed_wide = 2, .packed_wide = wide, .text = three, .has_data = 1, .data = {3, (uint8_t *)one},
        .has_narrow = 1, .narrow = 7, .has_zigzag = 1, .zigzag = INT64_MIN, .has_flag = 1, .flag = 1,
        .n_texts = 3, .texts = texts, .strict = &strict,
    };
    wire bytes = {malloc(protobuf_c_message_get_packed_size(&outer.base)), 0};
    bytes.size = protobuf_c_message_pack(&outer.base, bytes.data);
    return bytes;
}

/* ---- What is as it should be ----------------------------------------------------------------------- */

static void
every_kind_of_field_arrives(void)
{
    purse from;
    node *message;
    wire bytes = everything();
    purse_init(&from);
    CU_ASSERT_EQUAL_FATAL(unpack(&from, bytes.data, bytes.size, &message), BELAY_OK);
    uint8_t *again = malloc(bytes.size);
    CU_ASSERT_EQUAL_FATAL(protobuf_c_message_get_packed_size(&message->base), bytes.size);
    protobuf_c_message_pack(&message->base, again);
    CU_ASSERT(memcmp(again, bytes.data, bytes.size) == 0);
    free(again);
    free(bytes.data);
    discard(&from, message);
}

static void
no_bytes_are_an_empty_message(void)
{
    CU_ASSERT_EQUAL(try("", 0), BELAY_OK);
}

static void
without_an_allocator_it_is_malloc(void)
{
    ProtobufCMessage *message;
    CU_ASSERT_EQUAL_FATAL(
        bly_unpack(&belay__test__node__descriptor, NULL, (const uint8_t *)"\x52\2hi", 4, &message), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(((node *)message)->text, "hi");
    protobuf_c_message_free_unpacked(message, NULL);
}

static void
repeated_numbers_come_packed_or_not(void)
{
    static const struct {
        const char *bytes;
        size_t size;
        size_t count;
    } forms[] = {
        {"\x3a\3\1\2\3", 5, 3}, {"\x38\1\x38\2", 4, 2}, {"\x3a\2\1\2\x38\3\x3a\1\4", 9, 4}, {"\x3a\0", 2, 0},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        purse from;
        node *message;
        purse_init(&from);
        CU_ASSERT_EQUAL_FATAL(unpack(&from, forms[i].bytes, forms[i].size, &message), BELAY_OK);
        CU_ASSERT_EQUAL_FATAL(message->n_packed, forms[i].count);
        for (size_t k = 0; k < message->n_packed; k++)
            CU_ASSERT_EQUAL(message->packed[k], k + 1);
        discard(&from, message);
    }
}

static void
a_submessage_that_comes_twice_is_merged(void)
{
    static const char bytes[] = "\x8a\1\5\x0a\1a\x10\1" "\x8a\1\5\x0a\1b\x10\2";
    purse from;
    node *message;
    purse_init(&from);
    CU_ASSERT_EQUAL_FATAL(unpack(&from, bytes, sizeof bytes - 1, &message), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(message->plain->text, "b");
    CU_ASSERT_EQUAL_FATAL(message->plain->n_numbers, 2);
    CU_ASSERT_EQUAL(message->plain->numbers[0], 1);
    CU_ASSERT_EQUAL(message->plain->numbers[1], 2);
    discard(&from, message);
}

static void
of_a_oneof_the_last_counts(void)
{
    purse from;
    node *message;
    purse_init(&from);
    CU_ASSERT_EQUAL_FATAL(unpack(&from, "\x1a\3\x52\1x\x2a\1y\x1a\0\x20\5\x2a\1z", 15, &message), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(message->pick_case, BELAY__TEST__NODE__PICK_WORD);
    CU_ASSERT_STRING_EQUAL(message->word, "z");
    discard(&from, message);
}

static void
unknown_fields_are_kept(void)
{
    static const char bytes[] = "\x98\6\1" "\xa2\6\2hi" "\xad\6\1\2\3\4" "\xb1\6\1\2\3\4\5\6\7\x8";
    purse from;
    node *message;
    purse_init(&from);
    CU_ASSERT_EQUAL_FATAL(unpack(&from, bytes, sizeof bytes - 1, &message), BELAY_OK);
    CU_ASSERT_EQUAL(message->base.n_unknown_fields, 4);
    discard(&from, message);
}

/* ---- Depth ----------------------------------------------------------------------------------------- */

static void
messages_nest_to_the_depth_that_is_allowed(void)
{
    static const unsigned int fields[] = {1, 2, 3}; /* child, children, picked */
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        CU_ASSERT_EQUAL(try_wire(nested(fields[i], BLY_UNPACK_MAX_DEPTH - 1)), BELAY_OK);
        CU_ASSERT_EQUAL(try_wire(nested(fields[i], BLY_UNPACK_MAX_DEPTH)), BELAY_OK);
        CU_ASSERT_EQUAL(try_wire(nested(fields[i], BLY_UNPACK_MAX_DEPTH + 1)), BELAY_RESOURCE_EXHAUSTED);
    }
}

static belay_code
unpack_within(unsigned int depth, size_t size, wire bytes, bly_unpack_limit reached)
{
    bly_unpack_bounds bounds = {.depth = depth, .size = size};
    ProtobufCMessage *message;
    belay_code code =
        bly_unpack_within(&bounds, &belay__test__node__descriptor, NULL, bytes.data, bytes.size, &message);
    if (code == BELAY_OK)
        protobuf_c_message_free_unpacked(message, NULL);
    CU_ASSERT_EQUAL(bounds.reached, reached);
    free(bytes.data);
    return code;
}

static void
bounds_may_be_others_than_the_usual(void)
{
    static const unsigned int depths[] = {1, 2, BLY_UNPACK_MAX_DEPTH + 1, BLY_UNPACK_DEEPEST};
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        unsigned int most = depths[i];
        CU_ASSERT_EQUAL(unpack_within(most, SIZE_MAX, nested(1, most), BLY_UNPACK_WITHIN), BELAY_OK);
        CU_ASSERT_EQUAL(unpack_within(most, SIZE_MAX, nested(1, most + 1), BLY_UNPACK_TOO_DEEP),
                        BELAY_RESOURCE_EXHAUSTED);
    }
    size_t one = sizeof(Belay__Test__Node);
    CU_ASSERT_EQUAL(unpack_within(100, 2 * one, nested(1, 2), BLY_UNPACK_WITHIN), BELAY_OK);
    CU_ASSERT_EQUAL(unpack_within(100, 2 * one, nested(1, 3), BLY_UNPACK_TOO_LARGE), BELAY_RESOURCE_EXHAUSTED);
}

/* Each is a message and holds one. */
static void
entries_of_a_map_count_twice(void)
{
    for (unsigned int depth = BLY_UNPACK_MAX_DEPTH - 3; depth <= BLY_UNPACK_MAX_DEPTH; depth++) {
        wire bytes = nested(1, depth - 2);
        wrap(&bytes, 2);
        wrap(&bytes, 6);
        CU_ASSERT_EQUAL(try_wire(bytes), BELAY_OK);
    }
    wire bytes = nested(1, BLY_UNPACK_MAX_DEPTH - 1);
    wrap(&bytes, 2);
    wrap(&bytes, 6);
    CU_ASSERT_EQUAL(try_wire(bytes), BELAY_RESOURCE_EXHAUSTED);
}

static void
depth_is_found_behind_other_fields(void)
{
    wire bytes = everything();
    wire deep = nested(1, BLY_UNPACK_MAX_DEPTH + 1);
    put(&bytes, deep.data, deep.size);
    free(deep.data);
    CU_ASSERT_EQUAL(try_wire(bytes), BELAY_RESOURCE_EXHAUSTED);
}

/* Siblings do not add up. */
static void
many_deep_messages_side_by_side_are_allowed(void)
{
    wire bytes = {NULL, 0};
    for (int i = 0; i < 50; i++) {
        wire deep = nested(2, BLY_UNPACK_MAX_DEPTH);
        put(&bytes, deep.data, deep.size);
        free(deep.data);
    }
    CU_ASSERT_EQUAL(try_wire(bytes), BELAY_OK);
}

static void
no_depth_overflows_the_stack(void)
{
    CU_ASSERT_EQUAL(try_wire(nested(1, 20000)), BELAY_RESOURCE_EXHAUSTED);
}

static void
only_messages_have_depth(void)
{
    static const unsigned int fields[] = {10, 11, 15, 5, 100}; /* strings, bytes, unknown */
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        wire bytes = nested(1, BLY_UNPACK_MAX_DEPTH + 50);
        wrap(&bytes, fields[i]);
        CU_ASSERT_EQUAL(try_wire(bytes), BELAY_OK);
    }
}

/* ---- Size ------------------------------------------------------------------------------------------ */

static void
few_bytes_that_unpack_to_many_are_refused(void)
{
    wire bytes = {malloc(2u << 20), 2u << 20};
    for (size_t i = 0; i < bytes.size; i += 2)
        memcpy(bytes.data + i, "\x12\0", 2); /* an empty message of `children` */
    CU_ASSERT_EQUAL(try(bytes.data, bytes.size), BELAY_RESOURCE_EXHAUSTED);
    CU_ASSERT_EQUAL(try(bytes.data, bytes.size / 16), BELAY_OK);
    for (size_t i = 0; i < bytes.size; i += 2)
        memcpy(bytes.data + i, "\x7a\0", 2); /* an empty string of `texts` */
    CU_ASSERT_EQUAL(try(bytes.data, bytes.size / 2), BELAY_OK);
    free(bytes.data);
}

static void
one_large_field_is_refused_beyond_the_budget(void)
{
    static const struct {
        size_t size;
        belay_code code;
    } cases[] = {{BLY_UNPACK_MAX_SIZE / 2, BELAY_OK}, {BLY_UNPACK_MAX_SIZE, BELAY_RESOURCE_EXHAUSTED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wire bytes = {NULL, 0};
        put_length(&bytes, 11, cases[i].size);
        bytes.data = realloc(bytes.data, bytes.size + cases[i].size);
        memset(bytes.data + bytes.size, 0, cases[i].size);
        bytes.size += cases[i].size;
        CU_ASSERT_EQUAL(try_wire(bytes), cases[i].code);
    }
}

/* Each merge copies what was merged before: the budget bounds that work too. */
static void
merging_without_end_is_refused(void)
{
    wire bytes = {malloc(400000), 400000};
    for (size_t i = 0; i < bytes.size; i += 5)
        memcpy(bytes.data + i, "\x8a\1\2\x10\1", 5);
    CU_ASSERT_EQUAL(try_wire(bytes), BELAY_RESOURCE_EXHAUSTED);
}

/* ---- Bytes that are no message --------------------------------------------------------------------- */

#define BYTES(text) text, sizeof text - 1

static void
malformed_bytes_are_refused(void)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {BYTES("\x52")},                                             /* a tag alone */
        {BYTES("\xff")},                                             /* half a tag */
        {BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1")},   /* a tag without end */
        {BYTES("\x20")},                                             /* no value */
        {BYTES("\x20\x80")},                                         /* half a varint */
        {BYTES("\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1")}, /* a varint without end */
        {BYTES("\x98\6\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1")}, /* the same, unknown */
        {BYTES("\x65\1\2\3")},                                       /* three of four bytes */
        {BYTES("\xb1\6\1\2\3\4\5\6\7")},                             /* seven of eight */
        {BYTES("\x52\5four")},                                       /* a length beyond the end */
        {BYTES("\x52\xff\xff\xff\xff\x0f")},
        {BYTES("\x52\x80\x80\x80\x80\x10")},                         /* 2^32 */
        {BYTES("\x52\xff\xff\xff\xff\xff\xff\xff\xff\xff\1")},       /* 2^64 - 1 */
        {BYTES("\x52\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\1z")},
        {BYTES("\x0a\2\x52\5")},                                     /* beyond the end of a submessage */
        {BYTES("\x0a\2\x52\1" "z")},
        {BYTES("\x0a\1\x52\1z")},                                    /* a field across a submessage's end */
        {BYTES("\x3a\1\x80")},                                       /* half a packed varint */
        {BYTES("\x4a\7\1\2\3\4\5\6\7")},                             /* packed, seven of eight */
        {BYTES("\x0b\x0c")},                                         /* a group, of a known field */
        {BYTES("\x9b\6\x9c\6")},                                     /* and of an unknown one */
        {BYTES("\x9c\6")},                                           /* the end of a group */
        {BYTES("\x9e\6\1")}, {BYTES("\x9f\6\1")},                    /* wire types that there are not */
        {BYTES("\x08\1")},                                           /* a message that is a number */
        {BYTES("\x22\1\1")},                                         /* a number that is a text */
        {BYTES("\x82\1\0")},                                         /* a required field is missing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        belay_code code = try(cases[i].bytes, cases[i].size);
        if (code != BELAY_INTERNAL)
            printf("case %zu: %s\n", i, belay_code_name(code));
        CU_ASSERT_EQUAL(code, BELAY_INTERNAL);
    }
}

/* Cut off anywhere it is either a shorter message or none. */
static void
truncated_messages_are_read_to_their_end_only(void)
{
    wire bytes = everything();
    int refused = 0;
    for (size_t size = 0; size < bytes.size; size++) {
        belay_code code = try(bytes.data, size);
        CU_ASSERT(code == BELAY_OK || code == BELAY_INTERNAL);
        refused += code == BELAY_INTERNAL;
    }
    CU_ASSERT(refused > (int)bytes.size / 2);
    free(bytes.data);
}

static void
random_changes_do_no_harm(void)
{
    uint64_t state = 20011;
    wire bytes = everything();
    for (int round = 0; round < 100000; round++) {
        uint8_t *changed = exact(bytes.data, bytes.size);
        for (uint32_t changes = random_next(&state) % 4 + 1; changes > 0; changes--)
            changed[random_next(&state) % bytes.size] = (uint8_t)random_next(&state);
        belay_code code = try(changed, bytes.size - random_next(&state) % 8);
        CU_ASSERT(code == BELAY_OK || code == BELAY_INTERNAL);
        free(changed);
    }
    free(bytes.data);
}

static void
random_bytes_do_no_harm(void)
{
    static const char letters[] = "\x0a\x12\x1a\x20\x2a\x32\x3a\x42\x4a\x52\x5a\x65\x68\x7a\1\2\3\4\x80";
    uint64_t state = 30011;
    for (int round = 0; round < 100000; round++) {
        size_t size;
        char *text = random_text(&state, letters, 64, &size);
        belay_code code = try(text, size);
        CU_ASSERT(code == BELAY_OK || code == BELAY_INTERNAL);
        free(text);
    }
}

/* ---- Without memory -------------------------------------------------------------------------------- */

static void
every_allocation_may_fail(void)
{
    wire bytes = everything();
    int failing = 0;
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    while (code == BELAY_RESOURCE_EXHAUSTED) {
        purse from;
        node *message;
        purse_init(&from);
        from.failing = ++failing;
        code = unpack(&from, bytes.data, bytes.size, &message);
        if (code == BELAY_OK)
            discard(&from, message);
    }
    CU_ASSERT_EQUAL(code, BELAY_OK);
    CU_ASSERT(failing > 30);
    free(bytes.data);
}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        {"every kind of field arrives", every_kind_of_field_arrives},
        {"no bytes are an empty message", no_bytes_are_an_empty_message},
        {"without an allocator it is malloc", without_an_allocator_it_is_malloc},
        {"repeated numbers come packed or not", repeated_numbers_come_packed_or_not},
        {"a submessage that comes twice is merged", a_submessage_that_comes_twice_is_merged},
        {"of a oneof the last counts", of_a_oneof_the_last_counts},
        {"unknown fields are kept", unknown_fields_are_kept},
        {"messages nest to the depth that is allowed", messages_nest_to_the_depth_that_is_allowed},
        {"bounds may be others than the usual", bounds_may_be_others_than_the_usual},
        {"entries of a map count twice", entries_of_a_map_count_twice},
        {"depth is found behind other fields", depth_is_found_behind_other_fields},
        {"many deep messages side by side are allowed", many_deep_messages_side_by_side_are_allowed},
        {"no depth overflows the stack", no_depth_overflows_the_stack},
        {"only messages have depth", only_messages_have_depth},
        {"few bytes that unpack to many are refused", few_bytes_that_unpack_to_many_are_refused},
        {"one large field is refused beyond the budget", one_large_field_is_refused_beyond_the_budget},
        {"merging without end is refused", merging_without_end_is_refused},
        {"malformed bytes are refused", malformed_bytes_are_refused},
        {"truncated messages are read to their end only", truncated_messages_are_read_to_their_end_only},
        {"random changes do no harm", random_changes_do_no_harm},
        {"random bytes do no harm", random_bytes_do_no_harm},
        {"every allocation may fail", every_allocation_may_fail},
        CU_TEST_INFO_NULL,
    };
    return suite_run("unpack", tests, argc, argv);
}
