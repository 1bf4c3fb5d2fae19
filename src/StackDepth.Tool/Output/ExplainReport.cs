using System.Globalization;
using StackDepth.Tool.Parsing;

namespace StackDepth.Tool.Output;

/// <summary>What a probe becomes, as plain text: it is read with a pager, or compared.</summary>
internal static class ExplainReport
{
    private const int SitesShown = 10;

    internal static void Write(ProbeSpec probe, ProbePlan plan, TextWriter output)
    {
        output.WriteLine($"Probe  {PrintableName.Of(probe.Text)}");
        if (plan.TargetNote is { } note)
            output.WriteLine($"       {PrintableName.Of(note)}");
        output.WriteLine();
        WriteSites(plan, output);
        WriteWalks(plan, output);
        Section("Query (IR)", plan.Ir, output);
        Section(string.Create(CultureInfo.InvariantCulture, $"Program ({plan.Bytecode.Length} bytes)"), plan.Disassembly, output);
        if (plan.VerifierLog is { } log)
            Section("Verifier's log", log, output);
    }

    private static void WriteSites(ProbePlan plan, TextWriter output)
    {
        output.WriteLine($"Sites ({Numbers.Whole(plan.Sites.Length)})");
        for (var index = 0; index < int.Min(SitesShown, plan.Sites.Length); index++)
        {
            var site = plan.Sites[index];
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"  {PrintableName.Of(site.Symbol)} at 0x{site.Address:x}, offset 0x{site.Offset:x} of {PrintableName.Of(site.Binary)}{StepText(site.Step)}"));
        }
        if (plan.Sites.Length > SitesShown)
            output.WriteLine($"  and {Numbers.Whole(plan.Sites.Length - SitesShown)} more");
    }

    private static void WriteWalks(ProbePlan plan, TextWriter output)
    {
        foreach (var walk in plan.Walks)
            output.WriteLine($"Walk   {(walk.OfKernel ? "kernel" : "user")} stack by {WalkNames.Of(walk.Walk)}, at most {Numbers.Whole(walk.MaxFrames)} frames");
        foreach (var file in plan.Files)
            output.WriteLine($"       {PrintableName.Of(file.ToString())}");
    }

    private static string StepText(FrameStep step) => step switch
    {
        FrameStep.FramePointer => "; its caller by frame pointer",
        FrameStep.UnwindRows => "; its caller by unwind rows",
        FrameStep.Guess => "; its caller by frame pointer, as a guess",
        FrameStep.None => "; its caller cannot be found",
        _ => "",
    };

    private static void Section(string title, string text, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine(title);
        foreach (var line in text.AsSpan().TrimEnd().EnumerateLines())
            output.WriteLine($"  {PrintableName.Of(line.ToString())}");
    }
}
