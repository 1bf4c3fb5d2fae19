using System.CommandLine;

namespace StackDepth.Tool.Cli;

/// <summary>An option that is written or not. To System.CommandLine it is one of text, as <see cref="Choice{T}"/> is.</summary>
internal sealed class Flag : Option<string>
{
    internal Flag(string name, string description, params string[] aliases)
        : base(name, aliases)
    {
        Description = description;
        Arity = ArgumentArity.Zero;
    }

    internal bool In(ParseResult parsed) => parsed.GetResult(this) is not null;
}
