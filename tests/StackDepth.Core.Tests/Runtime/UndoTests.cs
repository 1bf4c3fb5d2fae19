using System.Reactive.Disposables;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Runtime;

public sealed class UndoTests
{
    private readonly List<int> _disposed = [];

    [Fact]
    public void What_was_gathered_goes_last_first()
    {
        using (var undo = new Undo())
        {
            Gather(undo, 1);
            Gather(undo, 2);
            Gather(undo, 3);
        }

        Assert.Equal([3, 2, 1], _disposed);
    }

    [Fact]
    public void What_is_kept_stays()
    {
        using (var undo = new Undo())
        {
            Gather(undo, 1);
            undo.Keep();
        }

        Assert.Empty(_disposed);
    }

    [Fact]
    public void What_comes_after_keeping_is_undone_again()
    {
        using (var undo = new Undo())
        {
            Gather(undo, 1);
            undo.Keep();
            Gather(undo, 2);
        }

        Assert.Equal([2], _disposed);
    }

    [Fact]
    public void Undoing_twice_is_undoing_once()
    {
        var undo = new Undo();
        Gather(undo, 1);
        undo.Dispose();
        undo.Dispose();

        Assert.Equal([1], _disposed);
    }

    [Fact]
    public void Adding_answers_the_item_itself()
    {
        using var undo = new Undo();
        using var item = new CancellationDisposable();

        Assert.Same(item, undo.Add(item));
    }

    [Fact]
    public void When_one_fails_to_go_the_others_go_nevertheless()
    {
        var undo = new Undo();
        Gather(undo, 1);
        undo.Add(Disposable.Create(static () => throw new InvalidOperationException("stuck")));
        Gather(undo, 3);

        Assert.Equal("stuck", Assert.Throws<InvalidOperationException>(undo.Dispose).Message);
        Assert.Equal([3, 1], _disposed);
    }

    private void Gather(Undo undo, int number) => undo.Add(Disposable.Create(() => _disposed.Add(number)));
}
