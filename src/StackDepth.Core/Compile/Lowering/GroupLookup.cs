using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Compile.Lowering;

/// <summary>Finds what is kept of a key, and makes it from the template of zeroes where the key is new.</summary>
internal static class GroupLookup
{
    private const int BpfNoExist = 1;

    /// <summary>R9 = the value of the key in the map. Goes to <paramref name="lost"/> where there is no room for it. R7 = the results.</summary>
    internal static void Lower(LoweringContext context, string map, IrExpression key, EventLayout layout, ResultLayout results, Label lost)
    {
        var asm = context.Asm;
        var found = asm.CreateLabel("group found");
        var buffer = context.Allocate(layout.Size);
        if (key is IrTuple keys)
        {
            for (var index = 0; index < keys.Items.Length; index++)
                ExpressionLowering.Store(context, keys.Items[index], Register.R10, buffer + layout.Offsets[index]);
        }
        else
        {
            ExpressionLowering.Store(context, key, Register.R10, buffer);
        }
        Lookup();
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, found);
        asm.LoadMap(Register.R1, map);
        context.AddressOfFrame(Register.R2, buffer);
        asm.Mov(Register.R3, Register.R7);
        asm.Add(Register.R3, results.TemplateOffset);
        asm.Mov(Register.R4, BpfNoExist);
        asm.Call(HelperId.MapUpdateElem);
        // Whether this hit or another one made the group, or the table is full: the second look tells.
        Lookup();
        asm.JumpIf(JumpOp.JNE, Register.R0, 0, found);
        context.Increment(HealthCounter.KeysLost);
        asm.Jump(lost);
        asm.Place(found);
        asm.Mov(Register.R9, Register.R0);

        void Lookup()
        {
            asm.LoadMap(Register.R1, map);
            context.AddressOfFrame(Register.R2, buffer);
            asm.Call(HelperId.MapLookupElem);
        }
    }
}
