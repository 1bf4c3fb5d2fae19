namespace StackDepth;

/// <summary>How deep the stacks of a thread were at a moment.</summary>
/// <param name="Pid">Its process, as the caller's pid namespace has it.</param>
/// <param name="Tid">The thread, as the caller's pid namespace has it.</param>
/// <param name="Comm">The thread's name, at most 15 bytes. It is the thread's own choice, and may hold control characters.</param>
/// <param name="User">
/// The frames of its user stack. 0 for kernel threads and the kernel's workers in a process (io_uring), which have none; 1, the frame that there is at least, for a thread that kept running
/// (<see cref="StackReason.Running"/>).
/// </param>
/// <param name="Kernel">The frames of its kernel stack, as the kernel's own unwinder finds them; 0 for a thread that kept running.</param>
/// <param name="Completeness">What both depths promise, the weaker of the two.</param>
/// <param name="Reason">Why they are not complete; <see cref="StackReason.None"/> where they are.</param>
/// <param name="BytesInUse">
/// The bytes of its user stack from the stack pointer to the end of the mapping that it lies in, or of the alternate signal stack that it is on. 0 without a user stack, and for a thread that kept running.
/// </param>
public sealed record ThreadDepth(int Pid, int Tid, string Comm, int User, int Kernel, Completeness Completeness, StackReason Reason, long BytesInUse);
