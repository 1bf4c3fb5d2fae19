using System.Text;

namespace StackDepth.Native.Btf;

/// <content>Members of structs and unions, by the ids of types.</content>
internal sealed unsafe partial class VmlinuxBtf
{
    /// <summary>Whether values of the type are pointers to structs or unions whose members are known.</summary>
    internal bool PointsToAggregate(int type) => Pointee((uint)type) is not null;

    /// <summary>
    /// A member of a struct or union, or of the one that the type points to, also where it is in an anonymous one within; and its offset in bytes. Null where there is none of that name, or it is a bit field.
    /// </summary>
    internal (int Offset, KernelValue Value)? FindMember(int type, string name)
    {
        var budget = MaxMembers;
        var found = (Pointee((uint)type) ?? Aggregate((uint)type)) is { } at && Find(at, Encoding.UTF8.GetBytes(name), 0, ref budget, out var bits, out var member) && bits % 8 == 0 && bits / 8 <= short.MaxValue
            ? ((int)(bits / 8), Value(member, name))
            : ((int, KernelValue)?)null;
        GC.KeepAlive(_owner);
        return found;
    }

    /// <summary>The names of the members, those of anonymous ones within included.</summary>
    internal List<string> MemberNames(int type)
    {
        var names = new List<string>();
        if ((Pointee((uint)type) ?? Aggregate((uint)type)) is { } at)
        {
            Collect(at, 0, names);
        }

        GC.KeepAlive(_owner);
        return names;
    }

    private int? Pointee(uint type) => Bare(type) is > 0 and var bare && Kind(_positions[(int)bare]) == BtfKind.Pointer ? Aggregate(Word(_positions[(int)bare] + 8)) : null;

    private void Collect(int at, int nesting, List<string> names)
    {
        const int most = 10_000;
        var members = Members(at);
        if (nesting > MaxNesting || at + BtfFormat.TypeSize + (long)members * BtfFormat.MemberSize > _typesEnd)
        {
            return;
        }

        for (var i = 0; i < members && names.Count < most; i++)
        {
            var member = at + BtfFormat.TypeSize + i * BtfFormat.MemberSize;
            if (Word(member) != 0)
            {
                names.Add(Encoding.UTF8.GetString(Name(member)));
            }
            else if (Aggregate(Word(member + 4)) is { } inner)
            {
                Collect(inner, nesting + 1, names);
            }
        }
    }
}
