namespace StackDepth.Runtime;

/// <summary>Disposes, last first, what a half-done construction has gathered, unless it was kept. One that fails keeps no other.</summary>
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
        if (!_gathered.TryPop(out var item))
            return;
        try
        {
            item.Dispose();
        }
        finally
        {
            Dispose();
        }
    }
}
