using System.Collections.Immutable;

namespace StackDepth;

/// <summary>The base of StackDepth's exceptions. Messages say what happened and what to do.</summary>
public class StackDepthException : Exception
{
    internal StackDepthException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>A feature of the kernel or a privilege is missing.</summary>
public sealed class ProbeUnavailableException : StackDepthException
{
    internal ProbeUnavailableException(string message, string remedy, Exception? inner = null)
        : base(message, inner) => Remedy = remedy;

    /// <summary>What to do about it.</summary>
    public string Remedy { get; }
}

/// <summary>There is no such binary or function, or it cannot be probed.</summary>
public sealed class ProbeTargetNotFoundException : StackDepthException
{
    internal ProbeTargetNotFoundException(string message, ImmutableArray<string> suggestions, Exception? inner = null)
        : base(message, inner) => Suggestions = suggestions;

    /// <summary>Names that could have been meant.</summary>
    public ImmutableArray<string> Suggestions { get; }
}

/// <summary>The kernel's verifier refused the program: a defect of StackDepth, or a kernel that differs from those it knows.</summary>
public sealed class ProbeVerificationException : StackDepthException
{
    internal ProbeVerificationException(string message, string verifierLog, string disassembly, Exception? inner = null)
        : base(message, inner)
    {
        VerifierLog = verifierLog;
        Disassembly = disassembly;
    }

    /// <summary>The verifier's whole log.</summary>
    public string VerifierLog { get; }

    /// <summary>The program, with the step of the IR that each instruction came from.</summary>
    public string Disassembly { get; }
}

/// <summary>Values of a stream were lost and <see cref="AttachOptions.WhenFull"/> is <see cref="Overflow.Fault"/>.</summary>
public sealed class ProbeDataLossException : StackDepthException
{
    internal ProbeDataLossException(string message, ProbeHealth health)
        : base(message) => Health = health;

    /// <summary>What was lost.</summary>
    public ProbeHealth Health { get; }
}

/// <summary>The query asks for something that cannot be compiled; the message says what to write instead.</summary>
public sealed class ProbeQueryException : StackDepthException
{
    internal ProbeQueryException(string message)
        : base(message)
    {
    }
}
