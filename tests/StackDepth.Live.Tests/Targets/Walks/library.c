// A level of dlopen.c's recursion; built twice, the frames of another size each time.
static volatile int sink;

void level(int number, void *visit)
{
    volatile char space[SIZE];
    space[number % SIZE] = (char)number;
    ((void (*)(int, void (*)(int, void *), void *))visit)(number, level, visit);
    sink += space[number % SIZE];
}
