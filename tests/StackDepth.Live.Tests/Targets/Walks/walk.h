// What the targets of the walk tests share: the probed leaf functions, and the report of how deep the stack was at each hit, as the program knows it by construction.
// The report is a file that is mapped and shared: a record is one store, safe in signal handlers and threads, kept over fork, exec and a crash.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// Maps the report and picks the leaf. Arguments of all targets: MODE DEPTH REPEAT REPORT LEAF.
void walk_open(const char *report, const char *leaf);

// Tells that the next call of the leaf by this thread happens RELATIVE frames above the tag's base.
void walk_record(const char *tag, int relative);

int walk_number(const char *text);

extern void (*walk_leaf)(void);

// Whether a hit is due at this level: all of the first ones, the last, and some sixteen between.
static inline int walk_due(int level, int depth)
{
    return level <= 8 || level == depth || level % (depth / 16 + 1) == 0;
}

#define HIT(tag, relative) (walk_record(tag, relative), walk_leaf())
#define VISIT(tag, relative, level, depth) \
    do { \
        if (walk_due(level, depth)) \
            HIT(tag, relative); \
    } while (0)

#ifdef __cplusplus
}
#endif
