// What a program knows of itself, for questions that are not about frames: a record for each hit of a probed function, in a file that the test reads.
#ifdef __cplusplus
extern "C" {
#endif
void answers_open(const char *path);
void answer(const char *tag, long first, long second);
#ifdef __cplusplus
}
#endif
