using System.Collections.Immutable;
using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Usdt;

namespace StackDepth.Compile.Lowering;

/// <summary>Fields of the probe. Most are loaded where they are used; what takes a helper, or differs from site to site, is fetched once before.</summary>
internal static class FieldLowering
{
    /// <summary>Whether <paramref name="field"/> is fetched by a step of its own.</summary>
    internal static bool IsFetched(IrField field, CompileTarget target) => PlaceOf(field, target) is ArgumentPlace or ContextPlace { IsTypedPointer: true };

    /// <summary>Puts the number into <paramref name="destination"/>; changes no other register.</summary>
    internal static void Evaluate(LoweringContext context, IrField field, Register destination)
    {
        var asm = context.Asm;
        if (context.Fetched.TryGetValue(field.Name, out var fetched))
        {
            asm.Load(MemorySize.DW, destination, Register.R10, fetched);
            return;
        }
        var place = (ContextPlace)PlaceOf(field, context.Target);
        if (place.Path is [var offset])
        {
            LoadLast(asm, place, destination, Register.R6, offset);
            return;
        }
        var nowhere = asm.CreateLabel("null");
        var end = asm.CreateLabel("end");
        Follow(asm, place.Path, destination, nowhere);
        LoadLast(asm, place, destination, destination, place.Path[^1]);
        asm.Jump(end);
        asm.Place(nowhere);
        asm.Mov(destination, 0);
        asm.Place(end);
    }

    /// <summary>Fetches the number into the BPF stack. An argument in memory that cannot be read is counted, and the program left.</summary>
    internal static void Fetch(LoweringContext context, IrField field)
    {
        var offset = context.Allocate(sizeof(long));
        if (PlaceOf(field, context.Target) is ArgumentPlace argument)
            FetchArgument(context, argument, offset);
        else
            FetchPointer(context, (ContextPlace)PlaceOf(field, context.Target), offset);
        context.Fetched.Add(field.Name, offset);
    }

    /// <summary>Puts the address of a text into <paramref name="destination"/>, 0 where a pointer before it is null; answers how many bytes the text can have, null where only its NUL ends it.</summary>
    internal static int? Address(LoweringContext context, IrFieldText text, Register destination)
    {
        var asm = context.Asm;
        var place = PlaceOf(text.Place, context.Target);
        var nowhere = asm.CreateLabel("null");
        switch (place)
        {
            case ArgumentPlace argument:
                var slot = context.Allocate(sizeof(long));
                FetchArgument(context, argument, slot);
                asm.Load(MemorySize.DW, destination, Register.R10, slot);
                return null;
            case ContextPlace { Path: [var only] }:
                asm.Load(MemorySize.DW, destination, Register.R6, only);
                return null;
            case ContextPlace pointer:
                Follow(asm, pointer.Path, destination, nowhere);
                asm.Load(MemorySize.DW, destination, destination, pointer.Path[^1]);
                asm.Place(nowhere);
                return null;
            case TextPlace { Form: TextForm.Array, Path: [var offset] } array:
                asm.Mov(destination, Register.R6);
                asm.Add(destination, offset);
                return array.Bytes;
            case TextPlace { Form: TextForm.Array } array:
                Follow(asm, array.Path, destination, nowhere);
                asm.Add(destination, array.Path[^1]);
                asm.Place(nowhere);
                return array.Bytes;
            case TextPlace located:
                asm.Load(MemorySize.W, destination, Register.R6, located.Path[0]);
                asm.And(destination, ushort.MaxValue);
                asm.Add(destination, Register.R6);
                if (located.Form == TextForm.RelativelyLocated)
                    asm.Add(destination, located.Path[0] + sizeof(int));
                return null;
            default:
                throw new InvalidOperationException($"Texts do not lie in a {place.GetType().Name}.");
        }
    }

    private static FieldPlace PlaceOf(IrField field, CompileTarget target) => PlaceOf(field.Name, target);

    private static FieldPlace PlaceOf(string name, CompileTarget target) =>
        target.Named.GetValueOrDefault(name) ?? throw new InvalidOperationException($"The field {name} has no place in the target of the compilation.");

    /// <summary>The pointers before the last offset. One that leads nowhere reads as zeroes (the kernel's PROBE_MEM loads, 2a02759ef5f8); a null one is told apart, as newer kernels ask of those that may be null.</summary>
    private static void Follow(Assembler asm, ImmutableArray<int> path, Register destination, Label nowhere)
    {
        var from = Register.R6;
        foreach (var pointer in path.AsSpan()[..^1])
        {
            asm.Load(MemorySize.DW, destination, from, pointer);
            asm.JumpIf(JumpOp.JEQ, destination, 0, nowhere);
            from = destination;
        }
    }

    private static void LoadLast(Assembler asm, ContextPlace place, Register destination, Register from, int offset)
    {
        asm.Load(place.InSlot ? MemorySize.DW : SizeOf(place.Bytes), destination, from, offset);
        var unused = 64 - (place.Bytes * 8);
        if (unused == 0 || (!place.IsSigned && !place.InSlot))
            return;
        if (!place.IsSigned && unused == 32)
        {
            asm.Mov32(destination, destination);
            return;
        }
        asm.Lsh(destination, unused);
        if (place.IsSigned)
            asm.Arsh(destination, unused);
        else
            asm.Rsh(destination, unused);
    }

    /// <summary>A pointer by way of memory: to the verifier it is then a number, with which the program may compute.</summary>
    private static void FetchPointer(LoweringContext context, ContextPlace place, int offset)
    {
        var asm = context.Asm;
        var nowhere = asm.CreateLabel("null");
        asm.Store(MemorySize.DW, Register.R10, offset, 0);
        if (place.Path.Length == 1)
            asm.Mov(Register.R3, Register.R6);
        else
            Follow(asm, place.Path, Register.R3, nowhere);
        asm.Add(Register.R3, place.Path[^1]);
        context.AddressOfFrame(Register.R1, offset);
        asm.Mov(Register.R2, sizeof(long));
        asm.Call(HelperId.ProbeReadKernel);
        asm.Place(nowhere);
    }

    private static void FetchArgument(LoweringContext context, ArgumentPlace argument, int offset)
    {
        var asm = context.Asm;
        // The same operand at most sites is the one that no comparison leads to.
        var operands = Enumerable.Range(0, argument.Sites.Length).GroupBy(site => argument.Sites[site] with { Text = "" }).OrderByDescending(static sites => sites.Count()).ToArray();
        var labels = operands.Select(_ => asm.CreateLabel("operand")).ToArray();
        var unreadable = asm.CreateLabel("unreadable");
        var end = asm.CreateLabel("end");
        context.LoadResults();
        if (operands.Length > 1)
            ContextLowering.FetchSite(context);
        for (var index = 1; index < operands.Length; index++)
        {
            foreach (var site in operands[index])
                asm.JumpIf(JumpOp.JEQ, Register.R0, context.Target.FirstSite + site, labels[index]);
        }
        var canFail = argument.Sites.Any(static operand => operand.Operand == UsdtOperand.Memory);
        for (var index = 0; index < operands.Length; index++)
        {
            asm.Place(labels[index]);
            UsdtArgumentLoad.Emit(asm, operands[index].Key, Register.R6, offset, unreadable);
            if (canFail || index < operands.Length - 1)
                asm.Jump(end);
        }
        // Not where nothing leads to it: the verifier refuses such code.
        if (canFail)
        {
            asm.Place(unreadable);
            context.Increment(HealthCounter.ReadErrors);
            asm.Jump(context.Leave);
        }
        asm.Place(end);
        asm.Store(MemorySize.DW, Register.R10, offset, Register.R0);
    }

    private static MemorySize SizeOf(int bytes) => bytes switch
    {
        1 => MemorySize.B,
        2 => MemorySize.H,
        4 => MemorySize.W,
        _ => MemorySize.DW,
    };
}
