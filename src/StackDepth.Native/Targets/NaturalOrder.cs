namespace StackDepth.Native.Targets;

/// <summary>Orders names with numbers by value: 3.9 before 3.12, libssl.so.1.1 before libssl.so.3. (Independent of ICU, which may be absent.)</summary>
internal sealed class NaturalOrder : IComparer<string>
{
    internal static NaturalOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        ReadOnlySpan<char> a = x, b = y;
        while (!a.IsEmpty && !b.IsEmpty)
        {
            var digitsA = Digits(a);
            var digitsB = Digits(b);
            if (digitsA == 0 || digitsB == 0)
            {
                if (a[0] != b[0])
                {
                    return a[0] - b[0];
                }

                a = a[1..];
                b = b[1..];
                continue;
            }

            var numberA = a[..digitsA].TrimStart('0');
            var numberB = b[..digitsB].TrimStart('0');
            var order = numberA.Length != numberB.Length ? numberA.Length - numberB.Length : numberA.SequenceCompareTo(numberB);
            if (order != 0)
            {
                return order;
            }

            a = a[digitsA..];
            b = b[digitsB..];
        }

        return a.Length - b.Length;
    }

    private static int Digits(ReadOnlySpan<char> text)
    {
        var end = text.IndexOfAnyExceptInRange('0', '9');
        return end < 0 ? text.Length : end;
    }
}
