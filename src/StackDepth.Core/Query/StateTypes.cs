using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth;

/// <summary>What variables can be made of.</summary>
internal static class StateTypes
{
    private const int LongestName = 32;

    internal static IrVariable Variable<T>(string name, params ReadOnlySpan<Type> keys)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (name.Length > LongestName || char.IsAsciiDigit(name[0]) || name.Any(static c => !char.IsAsciiLetterOrDigit(c) && c != '_'))
            throw new ProbeQueryException($"\"{name}\" cannot be the name of a variable: it has at most {LongestName} letters, digits and _, and does not begin with a digit.");
        var type = Of(typeof(T), name, "values");
        if (type == IrType.Text)
            throw new ProbeQueryException($"The variable \"{name}\" cannot keep texts: keep the thread's id, or group by the text.");
        var keyTypes = ImmutableArray.CreateBuilder<IrType>(keys.Length);
        foreach (var key in keys)
            keyTypes.Add(Of(key, name, "keys"));
        return new(name, type, keyTypes.MoveToImmutable());
    }

    private static IrType Of(Type type, string name, string role) =>
        type == typeof(int) ? IrType.Int32
        : type == typeof(long) ? IrType.Int64
        : type == typeof(uint) ? IrType.UInt32
        : type == typeof(ulong) ? IrType.UInt64
        : type == typeof(bool) ? IrType.Boolean
        : type == typeof(string) ? IrType.Text
        : type == typeof(ProbeFunction) ? IrType.Function
        : type == typeof(Completeness) ? IrType.Completeness
        : type == typeof(StackReason) ? IrType.Reason
        : throw new ProbeQueryException($"The variable \"{name}\" cannot have {role} of type {type.Name}: use int, long, uint, ulong, bool, ProbeFunction, Completeness or StackReason{(role == "keys" ? ", or string for Comm" : "")}.");
}
