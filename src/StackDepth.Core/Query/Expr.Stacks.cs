using StackDepth.Ir;

#pragma warning disable CA1708 // It takes extension blocks of different receivers for members of one name.

namespace StackDepth;

public static partial class Expr
{
    extension(Expr<CallStack> stack)
    {
        /// <summary>The innermost <paramref name="count"/> of its frames.</summary>
        /// <param name="count">How many frames.</param>
        public Expr<CallStack> Take(int count)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
            return Slice(stack, frames => frames with { Take = int.Min(count, frames.Take ?? count) });
        }

        /// <summary>Its frames without the innermost <paramref name="count"/>.</summary>
        /// <param name="count">How many frames are left out.</param>
        /// <exception cref="ProbeQueryException">None of the frames would be left.</exception>
        public Expr<CallStack> Skip(int count)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(count);
            return Slice(stack, frames => frames.Take <= count
                ? throw new ProbeQueryException($"Skip({count}) leaves none of the {frames.Take} frames that Take lets through: skip first, Skip({count}).Take({frames.Take}).")
                : new(checked(frames.Skip + count), frames.Take - count));
        }
    }

    private static Expr<CallStack> Slice(Expr<CallStack> stack, Func<IrFrames, IrFrames> change)
    {
        var node = (IrStackFrames)stack.Node;
        return new(new IrStackFrames(node.Stack with { Frames = change(node.Stack.Frames!) }));
    }
}
