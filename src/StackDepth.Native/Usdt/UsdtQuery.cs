using System.Text;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Usdt;

/// <summary>A provider and a name, each of which may be a glob.</summary>
internal sealed class UsdtQuery(string provider, string name)
{
    private readonly Glob? _provider = Glob.IsGlob(provider) ? new Glob(provider) : null;
    private readonly Glob? _name = Glob.IsGlob(name) ? new Glob(name) : null;

    internal string Provider => provider;

    internal string Name => name;

    internal bool IsGlob => _provider is not null || _name is not null;

    /// <summary>As written, safe to print.</summary>
    internal string Shown => $"'{PrintableText.Escape($"{provider}:{name}")}'";

    internal bool IsMatch(UsdtNote note) => IsMatch(_provider, provider, note.Provider) && IsMatch(_name, name, note.Name);

    private static bool IsMatch(Glob? glob, string wanted, string found) => glob?.IsMatch(Encoding.UTF8.GetBytes(found)) ?? wanted == found;
}
