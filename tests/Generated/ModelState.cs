using StackDepth.Ir;

namespace StackDepth.Tests.Generated;

/// <summary>The variables of a query, kept the plain way. Those of threads have all the room that there is.</summary>
internal sealed class ModelState(int maxKeys)
{
    private readonly Dictionary<IrVariable, Dictionary<string, long>> _values = [];

    internal long? Read(IrVariable variable, string key) => Of(variable).TryGetValue(key, out var value) ? Wrap(variable.Type, value) : null;

    /// <summary>False where there is no room for the value.</summary>
    internal bool Assign(AssignmentKind kind, IrVariable variable, string key, long value)
    {
        var values = Of(variable);
        if (kind == AssignmentKind.Clear)
        {
            values.Remove(key);
            return true;
        }
        if (!variable.IsPerThread && !values.ContainsKey(key) && values.Count == maxKeys)
            return false;
        values[key] = kind == AssignmentKind.Add ? unchecked(values.GetValueOrDefault(key) + value) : value;
        return true;
    }

    private Dictionary<string, long> Of(IrVariable variable)
    {
        if (!_values.TryGetValue(variable, out var values))
            _values.Add(variable, values = []);
        return values;
    }

    private static long Wrap(IrType type, long value) => type switch
    {
        IrType.Int32 => unchecked((int)value),
        IrType.UInt32 => unchecked((uint)value),
        _ => value,
    };
}
