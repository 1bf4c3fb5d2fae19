using System.Reactive.Threading.Tasks;

namespace StackDepth.Live.Tests.Support;

internal static class Observables
{
    /// <summary>The last value, or the error, as a task of this test.</summary>
    internal static Task<T> ToTaskOf<T>(this IObservable<T> source) => source.ToTask(TestContext.Current.CancellationToken);
}
