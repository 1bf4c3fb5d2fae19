using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Btf;
using StackDepth.Native.Elf;

namespace StackDepth.Runtime;

/// <summary>Arguments of a tracing program by their names, and the members that they point to: a program may follow typed pointers by plain loads.</summary>
/// <param name="probe">The probe.</param>
/// <param name="types">The kernel's types.</param>
/// <param name="roots">The arguments, each with its place in the context.</param>
internal sealed class KernelFields(IrProbe probe, VmlinuxBtf types, IReadOnlyList<(KernelValue Value, int Offset)> roots)
{
    private const int MostPointers = 16;

    private string Shown => PrintableText.Escape(probe.ToString()!);

    /// <exception cref="ProbeQueryException">There is no such field, or it is no number that the type holds.</exception>
    internal FieldPlace Locate(IrField field)
    {
        var (path, value) = Follow(field.Name);
        if (value.Kind == KernelValueKind.Text)
            throw new ProbeQueryException($"{Shown}: {PrintableText.Escape(field.Name)} is a text ({PrintableText.Escape(value.Type)}), and no number. Write Field<string>(\"{PrintableText.Escape(field.Name)}\").");
        if (!value.IsScalar || path[^1] > short.MaxValue)
            throw new ProbeQueryException($"{Shown}: {PrintableText.Escape(field.Name)} is {PrintableText.Escape(value.Type)}, and no number.{Hint(field.Name, value)}");
        if (field.Name != IrField.Result)
            new NumberType(value.Type, value.Size, value.IsSigned).Check(probe, field);
        return new ContextPlace(path, value.Size, value.IsSigned) { InSlot = path.Length == 1, IsTypedPointer = value.IsPointer };
    }

    /// <exception cref="ProbeQueryException">There is no such field, or it is no text.</exception>
    internal FieldPlace Locate(IrFieldText text)
    {
        var (path, value) = Follow(text.Name);
        if (path[^1] <= short.MaxValue && value is { IsPointer: true, Type: "char *" })
            return new ContextPlace(path, value.Size, IsSigned: false);
        if (path is [_, _, ..] && value.Kind == KernelValueKind.Text)
            return new TextPlace(path, TextForm.Array, value.Size);
        throw new ProbeQueryException(
            $"{Shown}: {PrintableText.Escape(text.Name)} is {PrintableText.Escape(value.Type)}, and no text.{(value.IsScalar ? $" Write Field<long>(\"{PrintableText.Escape(text.Name)}\") for its number." : Hint(text.Name, value))}");
    }

    /// <summary>The offsets on the way to a value, and what it is.</summary>
    private (ImmutableArray<int> Path, KernelValue Value) Follow(string field)
    {
        var names = field.Split('.');
        var root = Root(names[0]);
        var value = root.Value;
        var path = ImmutableArray.CreateBuilder<int>();
        var offset = root.Offset;
        for (var index = 1; index < names.Length; index++)
        {
            var leading = string.Join('.', names[..index]);
            if (value.IsPointer && types.PointsToAggregate(value.TypeId) && path.Count < MostPointers)
            {
                path.Add(offset);
                offset = 0;
            }
            // A struct in the context itself takes slots, by whose registers it was passed.
            else if (value.Kind != KernelValueKind.Aggregate || path.Count == 0)
            {
                throw new ProbeQueryException($"{Shown}: {PrintableText.Escape(leading)} is {PrintableText.Escape(value.Type)}, whose members cannot be followed. Write Field<ulong>(\"{PrintableText.Escape(leading)}\") for its value.");
            }
            var member = types.FindMember(value.TypeId, names[index]) ?? throw UnknownField.Create($"{Shown}: {PrintableText.Escape(leading)} ({PrintableText.Escape(value.Type)})", names[index], types.MemberNames(value.TypeId));
            offset += member.Offset;
            value = member.Value;
        }
        path.Add(offset);
        return (path.ToImmutable(), value);
    }

    private (KernelValue Value, int Offset) Root(string name)
    {
        foreach (var root in roots)
        {
            if (root.Value.Name == name)
                return root;
        }
        if (name == IrField.Result)
            throw new ProbeQueryException($"{Shown}: the function returns nothing (void), so it has no ReturnValue. Count its exits, or select its arguments.");
        throw UnknownField.Create(probe.ToString()!, name, [.. roots.Select(static root => root.Value.Name).Where(static name => name != IrField.Result)]);
    }

    private string Hint(string name, KernelValue value) => value.Kind == KernelValueKind.Aggregate && types.MemberNames(value.TypeId) is [var first, ..] ? $" Name a member of it, such as \"{PrintableText.Escape($"{name}.{first}")}\"." : "";
}
