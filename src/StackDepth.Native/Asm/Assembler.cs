using System.Collections.Immutable;

namespace StackDepth.Native.Asm;

/// <summary>
/// Builds eBPF code instruction by instruction, with labels instead of distances. No method throws for a wrong argument: all errors are collected with
/// instruction, origin and label, and reported together by <see cref="Assemble"/>. Register names, sizes and operations are the kernel's. Not thread-safe.
/// </summary>
/// <remarks>
/// The code begins with the main function; <see cref="BeginFunction"/> ends it and starts the next. A function may be called
/// (<see cref="Call(Label)"/>) or passed as a callback (<see cref="LoadFunction"/>), also before it is there.
/// </remarks>
internal sealed partial class Assembler
{
    private readonly List<Instruction> _instructions = new(256);
    private readonly List<int> _slots = new(256);
    private readonly List<PendingLabel> _labels = new(64);
    private readonly List<PendingFunction> _functions = [new("main", 0)];
    private readonly List<Reference> _references = new(64);
    private readonly List<AssemblyError> _errors = new(1);
    private int _slot;

    /// <summary>What the code comes from, for people: the comment of every instruction emitted while it is set. Null: no comment.</summary>
    internal string? Origin { get; set; }

    /// <summary>How many instructions there are; a 64-bit immediate load counts once.</summary>
    internal int Count => _instructions.Count;

    /// <summary>Makes a label that is nowhere yet.</summary>
    /// <param name="name">For error messages.</param>
    internal Label CreateLabel(string? name = null)
    {
        _labels.Add(new PendingLabel(name ?? $"L{_labels.Count}"));
        return new Label(this, _labels.Count - 1);
    }

    /// <summary>Puts <paramref name="label"/> before the instruction that is emitted next. A label has one place.</summary>
    internal void Place(Label label) => PlaceAt(label, "a label");

    /// <summary>Appends <paramref name="text"/> to the comment of the instruction emitted last.</summary>
    internal void Note(string text)
    {
        if (_instructions.Count == 0)
        {
            Error("a note needs an instruction before it");
            return;
        }

        var last = _instructions[^1];
        _instructions[^1] = last with { Comment = string.IsNullOrEmpty(last.Comment) ? text : $"{last.Comment}, {text}" };
    }

    /// <summary>Ends the function at hand and begins the next one, at <paramref name="label"/>. It must end in an exit or a jump, as all functions.</summary>
    /// <param name="label">The label that calls and <see cref="LoadFunction"/> name.</param>
    /// <param name="name">The function's name in listings and in BTF.</param>
    internal void BeginFunction(Label label, string name)
    {
        if (string.IsNullOrWhiteSpace(name))
            Error("a function needs a name");
        else if (_functions.Exists(function => function.Name == name))
            Error($"function '{name}' exists already; names of functions are unique, and the first function is 'main'");
        _functions.Add(new PendingFunction(name ?? "", _slot));
        if (PlaceAt(label, "a function"))
            _labels[label.Id].StartsFunction = true;
    }

    /// <summary>Resolves labels and checks the whole program.</summary>
    /// <exception cref="AssemblyException">There are errors: all of them are in the message.</exception>
    internal AssembledCode Assemble() => TryAssemble(out var code, out var errors) ? code : throw new AssemblyException(errors);

    /// <summary>Resolves labels and checks the whole program. The assembler stays as it is, and can be added to and assembled again.</summary>
    /// <param name="code">The code; empty when there are errors.</param>
    /// <param name="errors">Every error, in the order of the instructions.</param>
    internal bool TryAssemble(out AssembledCode code, out ImmutableArray<string> errors)
    {
        var linker = new Linker(this);
        code = linker.Link();
        errors = linker.Messages();
        if (errors.IsEmpty)
            return true;
        code = AssembledCode.Empty;
        return false;
    }

    private bool PlaceAt(Label label, string what)
    {
        if (!Owns(label, what))
            return false;
        var pending = _labels[label.Id];
        if (pending.Function >= 0)
        {
            Error($"label '{pending.Name}' is placed a second time, first at slot {pending.Slot}");
            return false;
        }

        pending.Slot = _slot;
        pending.Function = _functions.Count - 1;
        return true;
    }

    private bool Owns(Label label, string what)
    {
        if (label.Owner == this)
            return true;
        Error(label.Owner is null
            ? $"{what} needs a label from CreateLabel, not the default value"
            : $"{what} got label '{label.Owner._labels[label.Id].Name}' of another assembler");
        return false;
    }

    /// <summary>Appends an instruction; what no instruction can look like is an error.</summary>
    private void Emit(Instruction instruction)
    {
        instruction = instruction with { Comment = Origin };
        if (InstructionRules.Violation(instruction) is { } violation)
            Error(violation);
        _instructions.Add(instruction);
        _slots.Add(_slot);
        _slot += instruction.Slots;
    }

    /// <summary>Appends an instruction whose distance to <paramref name="label"/> is filled in at the end.</summary>
    private void EmitReference(Instruction instruction, ReferenceKind kind, Label label)
    {
        if (Owns(label, kind.Verb()))
            _references.Add(new Reference(_instructions.Count, kind, label.Id));
        Emit(instruction);
    }

    /// <summary>Records an error about the instruction that is emitted next.</summary>
    private void Error(string message) => _errors.Add(new AssemblyError(_instructions.Count, _slot, Origin, message));

    private short Offset16(int offset)
    {
        if (offset is >= short.MinValue and <= short.MaxValue)
            return (short)offset;
        Error($"offset {offset} does not fit 16 bits (-32768 to 32767)");
        return 0;
    }

    /// <summary>The destination of a result: any register but the frame pointer, which the verifier lets nobody write.</summary>
    private Register Writable(Register register)
    {
        if (register == Register.R10)
            Error("r10, the frame pointer, is read-only and cannot be the destination");
        return register;
    }
}
