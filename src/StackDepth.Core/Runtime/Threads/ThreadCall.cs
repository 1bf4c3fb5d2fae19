using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging.Abstractions;
using StackDepth.Native.Threads;

namespace StackDepth.Runtime.Threads;

/// <summary>
/// A call of <see cref="Probe.Threads"/>. The work is done by a thread of its own, which is left out of the result: so the calling thread waits, like any other thread, and its stack is looked at like any other's.
/// </summary>
internal static class ThreadCall
{
    internal static IReadOnlyList<ThreadDepth> Run(int? processId, ThreadOptions options)
    {
        List<ThreadDepth>? result = null;
        ExceptionDispatchInfo? failure = null;
        var worker = new Thread(() =>
        {
            try
            {
                result = Look(processId is { } pid ? TaskScope.Process(pid) : TaskScope.All, options);
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(NativeErrors.Translate(error) ?? error);
            }
        })
        { IsBackground = true, Name = "stackdepth" };
        worker.Start();
        worker.Join();
        failure?.Throw();
        return result ?? throw new ProbeTargetNotFoundException($"There is no process {processId}.", []);
    }

    private static List<ThreadDepth>? Look(TaskScope scope, ThreadOptions options)
    {
        var log = (options.LoggerFactory ?? NullLoggerFactory.Instance).CreateLogger("StackDepth");
        var reader = ThreadReaders.Take(options.SystemCalls);
        List<ThreadDepth>? result;
        try
        {
            using var survey = new ThreadSurvey(reader, options, new(log));
            result = survey.Look(scope);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
        ThreadReaders.Return(reader, options.SystemCalls);
        return result;
    }
}
