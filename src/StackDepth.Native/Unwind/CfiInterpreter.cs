namespace StackDepth.Native.Unwind;

/// <summary>Runs call-frame instructions (DWARF 5, 6.4.2 and 7.24, and GNU's) and writes a function's rows.</summary>
internal sealed class CfiInterpreter(RuleNumbers rules, FunctionRows output, int[] unsupported)
{
    // Compilers nest them once or twice.
    private const int MaxRemembered = 64;

    private readonly CfiState[] _remembered = new CfiState[MaxRemembered];

    /// <summary>What the instructions of an FDE are run with.</summary>
    /// <param name="CodeAlignment">The unit of advances.</param>
    /// <param name="DataAlignment">The unit of offsets.</param>
    /// <param name="Encoding">Of the addresses in DW_CFA_set_loc.</param>
    /// <param name="IsSignalFrame">The augmentation has 'S'.</param>
    /// <param name="SectionAddress">The virtual address of the section.</param>
    internal readonly record struct Context(ulong CodeAlignment, long DataAlignment, byte Encoding, bool IsSignalFrame, ulong SectionAddress);

    /// <summary>Runs a CIE's initial instructions; null, or what is wrong with them.</summary>
    internal UnsupportedReason? RunInitial(ref CfiReader reader, in Context context, ref CfiState state)
    {
        var place = default(Place);
        return Run(ref reader, context, ref state, state, ref place);
    }

    /// <summary>Runs an FDE's instructions.</summary>
    /// <param name="reader">At the first of them; it ends with the FDE.</param>
    /// <param name="context">From the CIE.</param>
    /// <param name="initial">The state that the CIE's instructions left.</param>
    /// <param name="address">The virtual address of its first byte of code.</param>
    /// <param name="start">That byte's offset in the text.</param>
    /// <param name="length">The bytes of code.</param>
    internal void RunFunction(ref CfiReader reader, in Context context, in CfiState initial, ulong address, uint start, uint length)
    {
        var state = initial;
        var place = new Place { Address = address, Start = start, Length = length, IsFunction = true };
        if (Run(ref reader, context, ref state, initial, ref place) is { } problem)
        {
            AddUnsupported(start + (uint)place.Offset, problem);
        }
        else if (place.Offset < length)
        {
            Flush(state, context, place);
        }

        output.End(start, start + length);
    }

    /// <summary>Writes one row of Unsupported for a function whose instructions cannot be run at all.</summary>
    internal void RejectFunction(uint start, uint length, UnsupportedReason reason)
    {
        AddUnsupported(start, reason);
        output.End(start, start + length);
    }

    private void AddUnsupported(uint offset, UnsupportedReason reason)
    {
        unsupported[(int)reason]++;
        output.Add(offset, rules.Unsupported);
    }

    private void Flush(in CfiState state, in Context context, in Place place)
    {
        var offset = place.Start + (uint)place.Offset;
        var rule = state.ToRule(context.IsSignalFrame, out var reason);
        if (rule.Cfa == CfaKind.Unsupported)
        {
            AddUnsupported(offset, reason);
            return;
        }

        var number = rules.Get(rule);
        if (number == UnwindTable.MaxRules)
        {
            AddUnsupported(offset, UnsupportedReason.RuleNumbers);
            return;
        }

        output.Add(offset, number);
    }

    private UnsupportedReason? Run(ref CfiReader reader, in Context context, ref CfiState state, in CfiState initial, ref Place place)
    {
        var depth = 0;
        var isChanged = true;
        while (!reader.AtEnd)
        {
            var opcode = reader.U8();
            ulong advance;
            switch (opcode >> 6)
            {
                case 1:
                    advance = (ulong)(opcode & 0x3f);
                    break;
                case 2:
                    state.Set((ulong)(opcode & 0x3f), SavedForm.AtCfa, unchecked((long)reader.Uleb() * context.DataAlignment));
                    isChanged = true;
                    if (reader.Failed)
                    {
                        return UnsupportedReason.Damaged;
                    }

                    continue;
                case 3:
                    state.Restore((ulong)(opcode & 0x3f), initial);
                    isChanged = true;
                    continue;
                default:
                    switch (opcode)
                    {
                        case 0x00:
                            continue;
                        case 0x02:
                            advance = reader.U8();
                            break;
                        case 0x03:
                            advance = reader.U16();
                            break;
                        case 0x04:
                            advance = reader.U32();
                            break;
                        case 0x0e:
                            state.CfaOffset = (long)reader.Uleb();
                            isChanged = true;
                            if (reader.Failed)
                            {
                                return UnsupportedReason.Damaged;
                            }

                            continue;
                        case 0x0a:
                            if (depth == MaxRemembered)
                            {
                                return UnsupportedReason.Damaged;
                            }

                            _remembered[depth++] = state;
                            continue;
                        case 0x0b:
                            if (depth == 0)
                            {
                                return UnsupportedReason.Damaged;
                            }

                            state = _remembered[--depth];
                            isChanged = true;
                            continue;
                        case 0x01:
                            var target = PointerEncoding.Read(ref reader, context.Encoding, context.SectionAddress);
                            var distance = unchecked(target - place.Address);
                            if (target < place.Address || distance < place.Offset)
                            {
                                return UnsupportedReason.Damaged;
                            }

                            advance = distance - place.Offset;
                            goto Advance;
                        case 0x1d:
                            advance = reader.U64();
                            break;
                        default:
                            if (!RunRare(opcode, ref reader, context, ref state, initial))
                            {
                                return UnsupportedReason.Instruction;
                            }

                            isChanged = true;
                            if (reader.Failed)
                            {
                                return UnsupportedReason.Damaged;
                            }

                            continue;
                    }

                    break;
            }

            if (context.CodeAlignment != 1)
            {
                var product = Math.BigMul(advance, context.CodeAlignment, out advance);
                if (product != 0)
                {
                    return UnsupportedReason.Damaged;
                }
            }

        Advance:
            if (reader.Failed || !place.IsFunction)
            {
                return UnsupportedReason.Damaged;
            }

            if (advance == 0)
            {
                continue;
            }

            if (isChanged)
            {
                Flush(state, context, place);
                isChanged = false;
            }

            if (advance >= place.Length - place.Offset)
            {
                place.Offset = place.Length;
                return null;
            }

            place.Offset += advance;
        }

        if (!isChanged)
        {
            place.Offset = place.Length;
        }

        return null;
    }

    // False for an instruction that is not known.
    private static bool RunRare(byte opcode, ref CfiReader reader, in Context context, ref CfiState state, in CfiState initial)
    {
        switch (opcode)
        {
            case 0x05: // offset_extended
                state.Set(reader.Uleb(), SavedForm.AtCfa, Factored(ref reader, context));
                return true;
            case 0x06: // restore_extended
                state.Restore(reader.Uleb(), initial);
                return true;
            case 0x07: // undefined
                state.Set(reader.Uleb(), SavedForm.Undefined);
                return true;
            case 0x08: // same_value
                state.Set(reader.Uleb(), SavedForm.Same);
                return true;
            case 0x09: // register
                state.Set(reader.Uleb(), SavedForm.Other);
                reader.Uleb();
                return true;
            case 0x0c: // def_cfa
                SetCfa(ref state, reader.Uleb());
                state.CfaOffset = (long)reader.Uleb();
                return true;
            case 0x0d: // def_cfa_register
                SetCfa(ref state, reader.Uleb(), isWhole: false);
                return true;
            case 0x0f: // def_cfa_expression
                (state.Cfa, state.ExpressionRegister, state.ExpressionOffset) = CfiExpression.ReadCfa(reader.Take(reader.Uleb()));
                return true;
            case 0x10: // expression
                var register = reader.Uleb();
                var (form, offset) = CfiExpression.ReadPlace(reader.Take(reader.Uleb()));
                state.Set(register, form, offset);
                return true;
            case 0x11: // offset_extended_sf
                state.Set(reader.Uleb(), SavedForm.AtCfa, SignedFactored(ref reader, context));
                return true;
            case 0x12: // def_cfa_sf
                SetCfa(ref state, reader.Uleb());
                state.CfaOffset = SignedFactored(ref reader, context);
                return true;
            case 0x13: // def_cfa_offset_sf
                state.CfaOffset = SignedFactored(ref reader, context);
                return true;
            case 0x14: // val_offset
                SetValue(ref state, reader.Uleb(), Factored(ref reader, context));
                return true;
            case 0x15: // val_offset_sf
                SetValue(ref state, reader.Uleb(), SignedFactored(ref reader, context));
                return true;
            case 0x16: // val_expression
                state.Set(reader.Uleb(), SavedForm.Other);
                reader.Take(reader.Uleb());
                return true;
            case 0x2e: // GNU_args_size: only of use to exception landing pads
                reader.Uleb();
                return true;
            case 0x2f: // GNU_negative_offset_extended
                state.Set(reader.Uleb(), SavedForm.AtCfa, unchecked(-Factored(ref reader, context)));
                return true;
            default:
                return false;
        }
    }

    private static long Factored(ref CfiReader reader, in Context context) => unchecked((long)reader.Uleb() * context.DataAlignment);

    private static long SignedFactored(ref CfiReader reader, in Context context) => unchecked(reader.Sleb() * context.DataAlignment);

    // A register alone gives no CFA where there was none.
    private static void SetCfa(ref CfiState state, ulong register, bool isWhole = true)
    {
        state.Cfa = isWhole || state.Cfa != CfaForm.Missing ? CfaForm.Register : CfaForm.Missing;
        state.CfaRegister = register;
    }

    // The value CFA + offset: for rsp and offset 0 that is what it has anyway.
    private static void SetValue(ref CfiState state, ulong register, long offset) =>
        state.Set(register, register == CfiState.StackPointerRegister && offset == 0 ? SavedForm.Unspecified : SavedForm.Other);

    private struct Place
    {
        internal ulong Address;
        internal uint Start;
        internal ulong Length;
        internal ulong Offset;
        internal bool IsFunction;
    }
}
