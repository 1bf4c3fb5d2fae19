using System.Text;
using StackDepth.Native.Symbols.Demangling;

namespace StackDepth.Native.Tests.Symbols.Demangling;

/// <summary>Names that somebody made up: the answer is text of bounded length, always, and no name can use up the stack.</summary>
public sealed class DemanglerHostileTests
{
    private const int Longest = 64 * 1024 + 64;

    public static TheoryData<string> Nesting => new(
        "_Z1f" + Repeat("P", 60_000) + "i",
        "_Z1f" + Repeat("K", 60_000) + "i",
        "_Z1f" + Repeat("FvP", 20_000) + "v" + Repeat("E", 20_000),
        "_Z1f" + Repeat("A1_", 20_000) + "i",
        "_Z1f" + Repeat("M1A", 20_000) + "i",
        "_Z1f" + Repeat("N1AI", 10_000) + "i" + Repeat("EE", 10_000),
        "_Z1fI" + Repeat("J", 30_000) + "i" + Repeat("E", 30_000) + "Evv",
        "_Z1fIX" + Repeat("ng", 30_000) + "Li1EEEvv",
        "_Z1fIX" + Repeat("cl", 20_000) + "Li1E" + Repeat("E", 20_000) + "EEvv",
        "_Z" + Repeat("Z", 30_000) + "1fvE1x",
        "_ZN" + Repeat("1A", 30_000) + "E",
        "_ZN1A" + Repeat("M", 60_000) + "1bE",
        "_Z1f" + Repeat("Dp", 30_000) + "i",
        "_Z1fUl" + Repeat("Tt", 30_000) + Repeat("E", 30_000) + "vE_",
        "_Z" + Repeat("GT", 30_000) + "n1fv",
        "_ZTA" + Repeat("X", 30_000),
        "_Z1f" + Repeat("W1a", 15_000) + "1b",
        "_Z1f" + Repeat("B1a", 15_000) + "v",
        "_Z1f" + Repeat("U1a", 15_000) + "i",
        "_Z1f" + Repeat("Dv1_", 15_000) + "i",
        "_Z1f" + Repeat("DTfp_", 10_000),
        "_Z1fv" + Repeat(".a", 30_000),
        "_RINvC1f1g" + Repeat("R", 60_000) + "uE",
        "_RINvC1f1g" + Repeat("T", 30_000) + Repeat("E", 30_000) + "E",
        "_RINvC1f1g" + Repeat("FG_", 20_000) + "uE",
        "_R" + Repeat("Nv", 30_000) + "C1f1g",
        "_R" + Repeat("I", 60_000) + "C1f",
        "_RINvC1f1gK" + Repeat("R", 60_000) + "h1_E",
        "_RINvC1f1g" + Repeat("W", 60_000) + "hE",
        "_ZN" + Repeat("1a", 30_000) + "17h05af221e174051e9E");

    [Theory]
    [MemberData(nameof(Nesting), DisableDiscoveryEnumeration = true)]
    public void Deep_nesting_ends(string name) => Check(name);

    [Fact]
    public void Deep_nesting_ends_on_a_small_stack()
    {
        var failure = (Exception?)null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    foreach (var row in Nesting)
                    {
                        Check(row.Data);
                    }
                }
                catch (Exception exception)
                {
                    failure = exception;
                }
            },
            maxStackSize: 256 * 1024);
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }

    [Fact]
    public void Substitutions_that_double_the_text_end()
    {
        // Each argument is an A of the one before it, twice.
        var name = new StringBuilder("_Z1f1AIiE");
        for (var i = 0; i < 200; i++)
        {
            var before = i == 0 ? "S_" : Substitution(i);
            name.Append("S_I").Append(before).Append(before).Append('E');
        }

        Check(name.ToString());

        // Functions of functions, and parameters of templates that are templates themselves.
        Check("_Z1f" + string.Concat(Enumerable.Range(0, 100).Select(static i => $"PF{Substitution(i * 2)}{Substitution(i * 2)}E")));
        Check("_Z1fI" + string.Concat(Enumerable.Range(0, 60).Select(static i => $"1AIT{(i == 0 ? "" : i - 1)}_T{(i == 0 ? "" : i - 1)}_E")) + "EvT58_");
    }

    [Fact]
    public void Template_parameters_that_stand_for_themselves_end()
    {
        Check("_Z1fIT_EvT_");
        Check("_Z1fIDpT_EvDpT_");
        Check("_Z1fIJDpT_DpT_EEvDpT_");
        Check("_Z1fIRT_EvOT_");
        Check("_ZN1AcvT_IT_EEv");
        Check("_ZN1AcvT_IS0_EEv");
        Check("_Z1fIXsZT_EEvT_");
    }

    [Fact]
    public void References_back_that_double_the_text_end()
    {
        // A tuple of two references to the tuple before it.
        var name = new StringBuilder("INvC1f1gThhE");
        var at = 8;
        for (var i = 0; i < 60; i++)
        {
            var next = name.Length;
            name.Append('T').Append(Backref(at)).Append(Backref(at)).Append('E');
            at = next;
        }

        Check($"_R{name}E");
        Check("_RNvB_1f");
        Check("_RINvC1f1gB9_E");
        Check("_RINvC1f1gFGzzzzzzzz_uEuE");
    }

    [Theory]
    [InlineData("_Z99999999999999999999f")]
    [InlineData("_Z2147483647f")]
    [InlineData("_Z2147483648f")]
    [InlineData("_Z1fS99999999999999999999_")]
    [InlineData("_Z1fSZZZZZZZZZZZZZZZZZZZZ_")]
    [InlineData("_Z1fIiEvT99999999999999999999_")]
    [InlineData("_Z1fIiEvT2147483646_")]
    [InlineData("_ZUl99999999999999999999vE_")]
    [InlineData("_ZZ1fvEd2147483646_1x")]
    [InlineData("_ZZ1fvE1x__99999999999999999999_")]
    [InlineData("_Z1fIXfp99999999999999999999_EEvv")]
    [InlineData("_Z1fIXfp2147483646_EEvv")]
    [InlineData("_Z1fIXfp2147483647_EEvv")]
    [InlineData("_Z1fA99999999999999999999_i")]
    [InlineData("_ZTv99999999999999999999_n99999999999999999999_N1A1fEv")]
    [InlineData("_ZGR1a99999999999999999999_")]
    [InlineData("_ZN99999999999999999999a17h05af221e174051e9E")]
    [InlineData("_RNvC99999999999999999999f1g")]
    [InlineData("_RNvCsZZZZZZZZZZZZZZZZZZZZ_1f1g")]
    [InlineData("_RINvC1f1gKjffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff_E")]
    [InlineData("_RINvC1f1gKcffffffff_E")]
    [InlineData("_RINvC1f1gKcd800_E")]
    [InlineData("_RINvC1f1gKc_E")]
    [InlineData("_RINvC1f1gKReff_E")]
    [InlineData("_RINvC1f1gKRec3_E")]
    [InlineData("_RINvC1f1gKRe6_E")]
    public void Huge_numbers_are_refused_or_shown(string name) => Check(name);

    [Fact]
    public void Punycode_that_decodes_to_nothing_is_shown_as_it_is()
    {
        Assert.Equal("mod::gödel", Demangler.Demangle("_RNvC3modu8gdel_5qa"));
        foreach (var code in new[] { "9999999999", "a_9999999999", "zzzzzzzzzzzzzzz", "_", "a_", "a_A", "0", "xn__99zzzzzz", "b0AA_" })
        {
            var shown = Check($"_RNvC3modu{code.Length}_{code}");
            Assert.StartsWith("mod::punycode{", shown, StringComparison.Ordinal);
        }

        Check("_RNvC3modu40000" + Repeat("a", 40_000));
    }

    [Fact]
    public void Names_that_are_no_text_come_back()
    {
        foreach (var name in new[] { "_Z1\ud800v", "_Z3\0\0\0v", "_Z1fIL1A\ud800EEvv", "_ZN1\uffff17h05af221e174051e9E", "_RNvC1\ud8001g", "_R\0", "_Z\u0661f", "_Z1fL\u0665E", "_Z1f\u001b[31mv" })
        {
            Check(name);
        }

        Check("_Z" + new string('\ud83d', 65_000));
    }

    [Fact]
    public void Names_that_are_cut_off_anywhere_come_back()
    {
        foreach (var name in DemanglingData.Read("names.txt").Select(static row => row[0]).Where(static (_, index) => index % 5 == 0))
        {
            for (var length = 0; length < name.Length; length++)
            {
                Check(name[..length]);
            }
        }
    }

    [Fact]
    public void Names_with_letters_changed_added_and_removed_come_back()
    {
        const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$@";
        var random = new Random(4711);
        foreach (var name in DemanglingData.Read("names.txt").Select(static row => row[0]))
        {
            for (var i = 0; i < 20; i++)
            {
                var changed = new StringBuilder(name);
                for (var n = random.Next(1, 5); n > 0 && changed.Length > 4; n--)
                {
                    var at = random.Next(2, changed.Length);
                    switch (random.Next(4))
                    {
                        case 0:
                            changed.Remove(at, 1);
                            break;
                        case 1:
                            changed.Insert(at, Letters[random.Next(Letters.Length)]);
                            break;
                        case 2:
                            changed[at] = Letters[random.Next(Letters.Length)];
                            break;
                        default:
                            changed.Insert(at, changed.ToString(2, random.Next(1, changed.Length - 2)));
                            break;
                    }
                }

                Check(changed.ToString());
            }
        }
    }

    private static string Check(string name)
    {
        var shown = Demangler.Demangle(name);
        Assert.True(shown == name || shown.Length <= Longest, $"{shown.Length} characters");
        var verbose = Demangler.Demangle(name, verbose: true);
        Assert.True(verbose == name || verbose.Length <= Longest, $"{verbose.Length} characters");
        return shown;
    }

    private static string Repeat(string text, int count) => new StringBuilder().Insert(0, text, count).ToString();

    private static string Substitution(int index)
    {
        if (index == 0)
        {
            return "S_";
        }

        const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        var (text, rest) = ("", index - 1);
        do
        {
            (text, rest) = (Digits[rest % 36] + text, rest / 36);
        }
        while (rest > 0);
        return $"S{text}_";
    }

    private static string Backref(int target)
    {
        if (target == 0)
        {
            return "B_";
        }

        const string Digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        var (text, rest) = ("", target - 1);
        do
        {
            (text, rest) = (Digits[rest % 62] + text, rest / 62);
        }
        while (rest > 0);
        return $"B{text}_";
    }
}
