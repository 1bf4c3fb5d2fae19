// A program without libc, all of whose frames keep frame pointers, from _start on: every depth and every number follows from this source.
//   pairs calls N LEVELS   for i from 0 to N-1: takes the name w0, w1 or w2, calls descend() that calls itself i % LEVELS times, then leaf(i, i % LEVELS),
//                          and, not nested, bare(i), pick_a(i) or pick_b(i), numbers(i - 10, -i, 10, 3, i << 40, i), text(i even: "even", odd: "odd") and the system call getppid
//   pairs rounds N LEVELS  N times: descend() that calls itself LEVELS times, and leaf()
//   pairs children N       so many processes, one after the other, each calls leaf() once; the first process never does
//   pairs spin LEVELS      works for 0.3 s of the CPU's time in spin(), called by descend() that calls itself LEVELS times
//   pairs touch N          touches so many fresh pages in touch()
//   pairs wait START       calls leaf(i) every millisecond, from i = START on, until its input ends; prints the last i
typedef long number;
#define APART __attribute__((noipa))

static inline __attribute__((always_inline)) number system_call(number id, number a, number b, number c, number d, number e, number f) {
    register number fourth __asm__("r10") = d, fifth __asm__("r8") = e, sixth __asm__("r9") = f;
    number result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(id), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth) : "rcx", "r11", "memory");
    return result;
}
enum { WRITE = 1, POLL = 7, MMAP = 9, FORK = 57, EXIT = 60, WAIT = 61, GETPPID = 110, PRCTL = 157, CLOCK = 228 };

// The probed functions, by their first instruction. Rows of unwind information as the assembler makes them: the caller is at the top of the stack.
#define FUNCTION(name, body) \
    __asm__(".globl " name "\n.type " name ",@function\n" name ":\n.cfi_startproc\n" body "\n.cfi_endproc\n.size " name ", .-" name "\n.p2align 4\n")
#define PUSH "push %rbp\n.cfi_adjust_cfa_offset 8\npop %rbp\n.cfi_adjust_cfa_offset -8\nret"
FUNCTION("leaf", PUSH);
FUNCTION("pick_a", PUSH);
FUNCTION("pick_b", PUSH);
FUNCTION("numbers", PUSH);
FUNCTION("text", PUSH);
FUNCTION("bare", "lea 1(%rdi),%rax\nret");
void leaf(number i, number level), pick_a(number i), pick_b(number i), bare(number i), text(const char *word);
void numbers(number a, number b, number c, number d, number e, number f);

APART void spin(void) {
    number begin[2], now[2];
    system_call(CLOCK, 2, (number)begin, 0, 0, 0, 0);
    do {
        for (volatile int i = 0; i < 100000; i++) { }
        system_call(CLOCK, 2, (number)now, 0, 0, 0, 0);
    } while ((now[0] - begin[0]) * 1000000000 + now[1] - begin[1] < 300000000);
}

APART void descend(number level, number i, number all) {
    if (level > 0) descend(level - 1, i, all);
    else if (i < 0) spin();
    else leaf(i, all);
    __asm__ volatile("");
}

APART void touch(number pages) {
    volatile char *fresh = (char *)system_call(MMAP, 0, pages << 12, 3, 0x22, -1, 0);
    for (number i = 0; i < pages; i++) fresh[i << 12] = 1;
}

static inline __attribute__((always_inline)) void calls(number count, number levels) {
    static const char words[2][8] = {"even", "odd"};
    char name[4] = "w0";
    for (number i = 0; i < count; i++) {
        name[1] = '0' + i % 3;
        system_call(PRCTL, 15, (number)name, 0, 0, 0, 0);
        descend(i % levels, i, i % levels);
        bare(i);
        if (i % 4) pick_a(i); else pick_b(i);
        numbers(i - 10, -i, 10, 3, i << 40, i);
        text(words[i % 2]);
        system_call(GETPPID, 0, 0, 0, 0, 0, 0);
    }
}

static inline __attribute__((always_inline)) void wait(number i) {
    struct { int file; short events, seen; } input = {0, 1, 0};
    do leaf(i++, 0);
    while (system_call(POLL, (number)&input, 1, 1, 0, 0, 0) == 0);
    char line[24];
    int at = sizeof line;
    line[--at] = '\n';
    for (i--; i; i /= 10) line[--at] = '0' + i % 10;
    system_call(WRITE, 1, (number)(line + at), sizeof line - at, 0, 0, 0);
}

static number value(const char *text) {
    number result = 0;
    while (*text) result = result * 10 + *text++ - '0';
    return result;
}

APART int start(number *stack) {
    char **words = (char **)(stack + 1);
    number a = value(words[2]), b = stack[0] > 3 ? value(words[3]) : 0;
    switch (words[1][0]) {
        case 'r': while (a-- > 0) descend(b, 0, b); break;
        case 's': descend(a, -1, a); break;
        case 't': touch(a); break;
        case 'w': wait(a); break;
        case 'c':
            if (words[1][1] == 'a') { calls(a, b); break; }
            while (a-- > 0) {
                number child = system_call(FORK, 0, 0, 0, 0, 0, 0);
                if (!child) { leaf(a, 0); system_call(EXIT, 0, 0, 0, 0, 0, 0); }
                system_call(WAIT, child, 0, 0, 0, 0, 0);
            }
    }
    system_call(EXIT, 0, 0, 0, 0, 0, 0);
    return 0;
}
__asm__(".globl _start\n.type _start,@function\n_start:\n.cfi_startproc\n.cfi_undefined rip\nxor %ebp,%ebp\nmov %rsp,%rdi\nand $-16,%rsp\ncall start\nhlt\n.cfi_endproc\n.size _start,.-_start\n");
