#include "testing.h"

#include "base/arena.h"
#include "base/memory.h"

#include <stdint.h>
#include <string.h>

START_TEST(pieces_are_aligned_and_apart)
{
    struct arena *arena = arena_create(100);
    unsigned char *pieces[50];
    for (size_t i = 0; i < 50; i++) {
        pieces[i] = arena_alloc(arena, i + 1, 3);
        ck_assert_uint_eq((uintptr_t)pieces[i] % ARENA_ALIGNMENT, 0);
        memset(pieces[i], (int)i, 3 * (i + 1));
    }
    for (size_t i = 0; i < 50; i++)
        for (size_t j = 0; j < 3 * (i + 1); j++)
            ck_assert_uint_eq(pieces[i][j], i);
    arena_free(arena);
}
END_TEST

START_TEST(a_second_round_asks_the_system_for_nothing)
{
    struct arena *arena = arena_create(64);
    size_t requests[3];
    for (size_t round = 0; round < 3; round++) {
        arena_reset(arena);
        size_t before = memory_requests();
        for (size_t i = 0; i < 100; i++)
            memset(arena_zalloc(arena, 1000, 8), 1, 8000);
        requests[round] = memory_requests() - before;
    }
    ck_assert_uint_gt(requests[0], 0);
    ck_assert_uint_eq(requests[1], 0);
    ck_assert_uint_eq(requests[2], 0);
    ck_assert_uint_ge(arena_peak(arena), 100 * 8000);
    arena_free(arena);
}
END_TEST

START_TEST(rewind_takes_back_what_came_after_the_mark)
{
    struct arena *arena = arena_create(64);
    char *kept = arena_alloc(arena, 10, 1);
    memset(kept, 'k', 10);
    struct arena_mark mark = arena_mark(arena);
    size_t used = arena_used(arena);
    for (size_t i = 0; i < 20; i++)
        memset(arena_alloc(arena, 1000, 1), 'x', 1000);
    arena_rewind(arena, mark);
    ck_assert_uint_eq(arena_used(arena), used);
    ck_assert_mem_eq(kept, "kkkkkkkkkk", 10);
    arena_free(arena);
}
END_TEST

START_TEST(zeroed_memory_is_zero_also_when_used_again)
{
    struct arena *arena = arena_create(1024);
    memset(arena_alloc(arena, 512, 1), 0xff, 512);
    arena_reset(arena);
    unsigned char *piece = arena_zalloc(arena, 512, 1);
    for (size_t i = 0; i < 512; i++)
        ck_assert_uint_eq(piece[i], 0);
    arena_free(arena);
}
END_TEST

static void exhausted(size_t bytes)
{
    (void)bytes;
    exit(42);
}

START_TEST(an_impossible_size_ends_the_program)
{
    memory_set_exhausted_handler(exhausted);
    memory_alloc(SIZE_MAX / 2, 3);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("base/arena");
    testing_add(suite, pieces_are_aligned_and_apart);
    testing_add(suite, a_second_round_asks_the_system_for_nothing);
    testing_add(suite, rewind_takes_back_what_came_after_the_mark);
    testing_add(suite, zeroed_memory_is_zero_also_when_used_again);
    TCase *ends = tcase_create("an_impossible_size_ends_the_program");
    tcase_add_exit_test(ends, an_impossible_size_ends_the_program, 42);
    suite_add_tcase(suite, ends);
    return suite;
}
