namespace StackDepth.Runtime;

/// <summary>Disposes, last first, what a half-done construction has gathered, unless it was kept.</summary>
internal sealed class Undo : IDisposable
{
    private readonly Stack<IDisposable> _gathered = [];

    internal T Add<T>(T item)
        where T : IDisposable
    {
        _gathered.Push(item);
        return item;
    }

    internal void Keep() => _gathered.Clear();

    public void Dispose()
    {
        while (_gathered.TryPop(out var item))
            item.Dispose();
    }
}
