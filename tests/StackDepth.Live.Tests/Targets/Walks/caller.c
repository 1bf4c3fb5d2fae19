/* Where its caller was called from: a method, though the call itself may be made by a stub. */
void *caller(void) { return __builtin_return_address(1); }
