using StackDepth;

// ColdStart BINARY FUNCTION COMMAND [ARGUMENT...]: the deepest stack of FUNCTION, by the kernel's walk, while COMMAND runs.
if (args.Length < 3)
{
    Console.Error.WriteLine("usage: ColdStart BINARY FUNCTION COMMAND [ARGUMENT...]");
    return 2;
}

var run = await Probe.UProbe(args[0], args[1]).Select(s => s.UStack.Length).Max().RunAsync(new(args[2], args[3..]), new AttachOptions { Walk = StackWalk.Kernel }).ConfigureAwait(false);
Console.WriteLine(run.Result);
return run.ExitCode;
