using StackDepth.Native.Asm;
using static StackDepth.Native.Asm.Register;

namespace StackDepth.Native.Tests.Asm;

/// <summary>Every form that the assembler can emit without labels or maps, beside the text that makes LLVM's assembler emit the same bytes.</summary>
internal static class EncodingForms
{
    private static readonly (MemorySize Size, int Bits)[] Sizes = [(MemorySize.B, 8), (MemorySize.H, 16), (MemorySize.W, 32), (MemorySize.DW, 64)];

    private static readonly (JumpOp Op, string Symbol)[] Comparisons =
    [
        (JumpOp.JEQ, "=="), (JumpOp.JNE, "!="), (JumpOp.JGT, ">"), (JumpOp.JGE, ">="), (JumpOp.JLT, "<"), (JumpOp.JLE, "<="),
        (JumpOp.JSET, "&"), (JumpOp.JSGT, "s>"), (JumpOp.JSGE, "s>="), (JumpOp.JSLT, "s<"), (JumpOp.JSLE, "s<="),
    ];

    internal static IEnumerable<(string Llvm, Action<Assembler> Emit)> All() => [.. Arithmetic(), .. Memory(), .. Atomics(), .. Jumps(), .. Others()];

    private static IEnumerable<(string, Action<Assembler>)> Arithmetic()
    {
        foreach (var (symbol, register, immediate, register32, immediate32) in Operations())
        {
            yield return ($"r1 {symbol} r2", a => register(a, R1, R2));
            yield return ($"r9 {symbol} r10", a => register(a, R9, R10));
            yield return ($"r3 {symbol} 7", a => immediate(a, R3, 7));
            yield return ($"w1 {symbol} w2", a => register32(a, R1, R2));
            yield return ($"w3 {symbol} 7", a => immediate32(a, R3, 7));
        }

        yield return ("r3 += -2147483648", a => a.Add(R3, int.MinValue));
        yield return ("w3 = 2147483647", a => a.Mov32(R3, int.MaxValue));
        yield return ("r1 = -r1", a => a.Neg(R1));
        yield return ("w9 = -w9", a => a.Neg32(R9));
        foreach (var bits in new[] { 8, 16, 32 })
            yield return ($"r1 = (s{bits})r2", a => a.MovSx(R1, R2, bits));
        foreach (var bits in new[] { 8, 16 })
            yield return ($"w1 = (s{bits})w2", a => a.MovSx32(R1, R2, bits));
        foreach (var bits in new[] { 16, 32, 64 })
        {
            yield return ($"r4 = be{bits} r4", a => a.ToBigEndian(R4, bits));
            yield return ($"r4 = le{bits} r4", a => a.ToLittleEndian(R4, bits));
            yield return ($"r4 = bswap{bits} r4", a => a.ByteSwap(R4, bits));
        }
    }

    private static IEnumerable<(string Symbol, Action<Assembler, Register, Register> Register, Action<Assembler, Register, int> Immediate,
        Action<Assembler, Register, Register> Register32, Action<Assembler, Register, int> Immediate32)> Operations()
    {
        yield return ("=", (a, d, s) => a.Mov(d, s), (a, d, i) => a.Mov(d, i), (a, d, s) => a.Mov32(d, s), (a, d, i) => a.Mov32(d, i));
        yield return ("+=", (a, d, s) => a.Add(d, s), (a, d, i) => a.Add(d, i), (a, d, s) => a.Add32(d, s), (a, d, i) => a.Add32(d, i));
        yield return ("-=", (a, d, s) => a.Sub(d, s), (a, d, i) => a.Sub(d, i), (a, d, s) => a.Sub32(d, s), (a, d, i) => a.Sub32(d, i));
        yield return ("*=", (a, d, s) => a.Mul(d, s), (a, d, i) => a.Mul(d, i), (a, d, s) => a.Mul32(d, s), (a, d, i) => a.Mul32(d, i));
        yield return ("/=", (a, d, s) => a.Div(d, s), (a, d, i) => a.Div(d, i), (a, d, s) => a.Div32(d, s), (a, d, i) => a.Div32(d, i));
        yield return ("%=", (a, d, s) => a.Mod(d, s), (a, d, i) => a.Mod(d, i), (a, d, s) => a.Mod32(d, s), (a, d, i) => a.Mod32(d, i));
        yield return ("s/=", (a, d, s) => a.SDiv(d, s), (a, d, i) => a.SDiv(d, i), (a, d, s) => a.SDiv32(d, s), (a, d, i) => a.SDiv32(d, i));
        yield return ("s%=", (a, d, s) => a.SMod(d, s), (a, d, i) => a.SMod(d, i), (a, d, s) => a.SMod32(d, s), (a, d, i) => a.SMod32(d, i));
        yield return ("|=", (a, d, s) => a.Or(d, s), (a, d, i) => a.Or(d, i), (a, d, s) => a.Or32(d, s), (a, d, i) => a.Or32(d, i));
        yield return ("&=", (a, d, s) => a.And(d, s), (a, d, i) => a.And(d, i), (a, d, s) => a.And32(d, s), (a, d, i) => a.And32(d, i));
        yield return ("^=", (a, d, s) => a.Xor(d, s), (a, d, i) => a.Xor(d, i), (a, d, s) => a.Xor32(d, s), (a, d, i) => a.Xor32(d, i));
        yield return ("<<=", (a, d, s) => a.Lsh(d, s), (a, d, i) => a.Lsh(d, i), (a, d, s) => a.Lsh32(d, s), (a, d, i) => a.Lsh32(d, i));
        yield return (">>=", (a, d, s) => a.Rsh(d, s), (a, d, i) => a.Rsh(d, i), (a, d, s) => a.Rsh32(d, s), (a, d, i) => a.Rsh32(d, i));
        yield return ("s>>=", (a, d, s) => a.Arsh(d, s), (a, d, i) => a.Arsh(d, i), (a, d, s) => a.Arsh32(d, s), (a, d, i) => a.Arsh32(d, i));
    }

    private static IEnumerable<(string, Action<Assembler>)> Memory()
    {
        foreach (var (size, bits) in Sizes)
        {
            // LLVM writes narrow loads and stores with w registers; the bytes are the same.
            var register = bits == 64 ? 'r' : 'w';
            yield return ($"{register}1 = *(u{bits} *)(r6 + 16)", a => a.Load(size, R1, R6, 16));
            yield return ($"{register}0 = *(u{bits} *)(r10 - 32768)", a => a.Load(size, R0, R10, -32768));
            yield return ($"*(u{bits} *)(r10 - 8) = {register}2", a => a.Store(size, R10, -8, R2));
            yield return ($"*(u{bits} *)(r9 + 32767) = -1", a => a.Store(size, R9, 32767, -1));
            if (bits < 64)
                yield return ($"r1 = *(s{bits} *)(r6 + 16)", a => a.LoadSigned(size, R1, R6, 16));
        }
    }

    private static IEnumerable<(string, Action<Assembler>)> Atomics()
    {
        foreach (var (size, bits) in Sizes)
        {
            var r = bits == 64 ? 'r' : 'w';
            yield return ($"{r}1 = load_acquire((u{bits} *)(r2 + 8))", a => a.LoadAcquire(size, R1, R2, 8));
            yield return ($"store_release((u{bits} *)(r1 - 8), {r}2)", a => a.StoreRelease(size, R1, -8, R2));
            if (bits < 32)
                continue;
            var pointer = $"(u{bits} *)(r1 + 8)";
            yield return ($"lock *{pointer} += {r}2", a => a.AtomicAdd(size, R1, 8, R2));
            yield return ($"lock *{pointer} &= {r}2", a => a.AtomicAnd(size, R1, 8, R2));
            yield return ($"lock *{pointer} |= {r}2", a => a.AtomicOr(size, R1, 8, R2));
            yield return ($"lock *{pointer} ^= {r}2", a => a.AtomicXor(size, R1, 8, R2));
            yield return ($"{r}2 = atomic_fetch_add({pointer}, {r}2)", a => a.AtomicAdd(size, R1, 8, R2, fetch: true));
            yield return ($"{r}2 = atomic_fetch_and({pointer}, {r}2)", a => a.AtomicAnd(size, R1, 8, R2, fetch: true));
            yield return ($"{r}2 = atomic_fetch_or({pointer}, {r}2)", a => a.AtomicOr(size, R1, 8, R2, fetch: true));
            yield return ($"{r}2 = atomic_fetch_xor({pointer}, {r}2)", a => a.AtomicXor(size, R1, 8, R2, fetch: true));
            var suffix = bits == 64 ? "_64" : "32_32";
            yield return ($"{r}2 = xchg{suffix}(r1 + 8, {r}2)", a => a.AtomicExchange(size, R1, 8, R2));
            yield return ($"{r}0 = cmpxchg{suffix}(r1 + 8, {r}0, {r}2)", a => a.AtomicCompareExchange(size, R1, 8, R2));
        }
    }

    private static IEnumerable<(string, Action<Assembler>)> Jumps()
    {
        foreach (var (op, symbol) in Comparisons)
        {
            yield return ($"if r1 {symbol} r2 goto +1", Over(1, (a, to) => a.JumpIf(op, R1, R2, to)));
            yield return ($"if r3 {symbol} -5 goto +2", Over(2, (a, to) => a.JumpIf(op, R3, -5, to)));
            yield return ($"if w1 {symbol} w2 goto +1", Over(1, (a, to) => a.Jump32If(op, R1, R2, to)));
            yield return ($"if w3 {symbol} 5 goto +2", Over(2, (a, to) => a.Jump32If(op, R3, 5, to)));
        }

        yield return ("goto +3", Over(3, (a, to) => a.Jump(to)));
        yield return ("gotol +300", Over(300, (a, to) => a.JumpLong(to)));
        yield return ("may_goto +3", Over(3, (a, to) => a.MayGoto(to)));
        yield return ("goto -1", ToItself((a, to) => a.Jump(to)));
        yield return ("gotol -1", ToItself((a, to) => a.JumpLong(to)));
    }

    private static IEnumerable<(string, Action<Assembler>)> Others()
    {
        yield return ("call 1", a => a.Call(HelperId.MapLookupElem));
        yield return ("call 211", a => a.Call(HelperId.CgrpStorageDelete));
        yield return ("exit", a => a.Exit());
        yield return ("r1 = 1311768467463790320 ll", a => a.LoadImmediate64(R1, 0x123456789abcdef0));
        yield return ("r1 = -1 ll", a => a.LoadImmediate64(R1, -1));
        // Without a resolver the descriptor is 0: what a compiler leaves for the loader.
        yield return ("ld_pseudo r7, 1, 0", a => a.LoadMap(R7, "events"));
        yield return ("ld_pseudo r7, 2, 0", a => a.LoadMapValue(R7, "events", 0));
        yield return ("ld_pseudo r7, 3, 4711", a => a.LoadBtfId(R7, 4711));
    }

    /// <summary>A jump over so many instructions.</summary>
    private static Action<Assembler> Over(int count, Action<Assembler, Label> jump) => a =>
    {
        var to = a.CreateLabel();
        jump(a, to);
        for (var i = 0; i < count; i++)
            a.Mov(R0, 0);
        a.Place(to);
    };

    private static Action<Assembler> ToItself(Action<Assembler, Label> jump) => a =>
    {
        var to = a.CreateLabel();
        a.Place(to);
        jump(a, to);
    };
}
