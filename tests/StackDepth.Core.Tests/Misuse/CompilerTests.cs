using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace StackDepth.Core.Tests.Misuse;

/// <summary>What the kernel cannot compute does not compile: the first error that the C# compiler gives, for lines that people write.</summary>
public sealed class CompilerTests
{
    private static readonly MetadataReference[] s_references =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(static path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal) || Path.GetFileName(path) is "netstandard.dll")
            .Append(typeof(Probe).Assembly.Location).Select(static path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>What a truth value says where C# asks it at once.</summary>
    private const string NoValueYet = "An Expr<bool> has no value until the kernel runs it: combine it with &, | and !, choose by Expr.If, or use Where.";

    [Theory]
    [InlineData("source.Where(s => { if (s.UStack.Length > 3) return s.Pid == 1; return s.Tid == 1; }).Count()", "SD0001", NoValueYet)]
    [InlineData("source.Select(s => s.UStack.Length > 3 ? s.Pid : s.Tid).Max()", "SD0001", NoValueYet)]
    [InlineData("source.Where(s => s.Comm == 5).Count()", "CS0019", "Operator '==' cannot be applied to operands of type 'Expr<string>' and 'int'")]
    [InlineData("source.Where(s => s.Pid == \"sh\").Count()", "CS0019", "Operator '==' cannot be applied to operands of type 'Expr<int>' and 'string'")]
    [InlineData("source.Where(s => s.Pid).Count()", "CS0029", "Cannot implicitly convert type 'StackDepth.Expr<int>' to 'StackDepth.Expr<bool>'")]
    [InlineData("source.Where(s => s.Pid = 1).Count()", "CS0200", "Property or indexer 'ProbeContext.Pid' cannot be assigned to -- it is read only")]
    [InlineData("source.Select(s => (int)s.Arg(0)).Max()", "CS0030", "Cannot convert type 'StackDepth.Expr<long>' to 'int'")]
    [InlineData("source.Where(s => s.Arg(0) == s.Pid).Count()", "CS0019", "Operator '==' cannot be applied to operands of type 'Expr<long>' and 'Expr<int>'")]
    [InlineData("source.Select(s => s.Comm.Length).Max()", "CS1061", "'Expr<string>' does not contain a definition for 'Length'")]
    [InlineData("source.Select(s => Math.Max(s.Pid, 3)).Max()", "CS1503", "Argument 1: cannot convert from 'StackDepth.Expr<int>' to")]
    [InlineData("source.Select(s => s.Comm).Max()", "CS0453", "The type 'string' must be a non-nullable value type")]
    [InlineData("source.Select(s => s.UStack.Lenght).Max()", "CS1061", "'StackExpr' does not contain a definition for 'Lenght'")]
    [InlineData("Probe.Tracepoint(\"sched\", \"sched_switch\").Select(s => s.Arg(0)).Max()", "CS1061", "'TypedContext' does not contain a definition for 'Arg'")]
    [InlineData("Probe.UProbe(\"app\", \"f\").Select(s => s.ReturnValue).Max()", "CS1061", "'EntryContext' does not contain a definition for 'ReturnValue'")]
    [InlineData("Probe.Any(Probe.UProbe(\"app\", \"f\"), Probe.Profile(99)).Count()", "CS0411", "The type arguments for method 'Probe.Any<TContext>(params ReadOnlySpan<ProbeSource<TContext>>)' cannot be inferred from the usage.")]
    [InlineData("from s in source let depth = s.UStack.Length select depth", "CS", "")]
    [InlineData("from s in source orderby s.Pid select s.Pid", "CS1061", "does not contain a definition for 'OrderBy'")]
    public void A_line_that_the_kernel_could_not_run_does_not_compile(string line, string id, string message)
    {
        var error = FirstError(line);

        Assert.NotNull(error);
        Assert.StartsWith(id, error.Id, StringComparison.Ordinal);
        Assert.Contains(message, error.GetMessage(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("source.Where(s => s.Pid == 1 || s.Tid == 2).Count()")]
    [InlineData("source.Where(s => s.Pid == 1 && s.UStack.Length > 3).GroupBy(s => s.Comm).Max(s => s.UStack.Length)")]
    [InlineData("from s in source where s.Pid == 1 select s.UStack.Length")]
    public void What_the_kernel_can_run_compiles(string line) => Assert.Null(FirstError(line));

    private static Diagnostic? FirstError(string line)
    {
        var source = $$"""
            using System;
            using StackDepth;
            static class Program { static object Query(ProbeSource<EntryContext> source) => {{line}}; }
            """;
        return CSharpCompilation.Create(
                "misuse", [CSharpSyntaxTree.ParseText(source, new CSharpParseOptions(LanguageVersion.Latest))], s_references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary))
            .GetDiagnostics().FirstOrDefault(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
    }
}
