using System.Runtime.InteropServices;
using StackDepth.Native.Asm;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;
using StackDepth.Native.Unwind;
using static StackDepth.Native.Asm.Register;

namespace StackDepth.Native.Tests.UnwindSupply;

/// <summary>The maps of unwind tables, as large as the test wants them, and programs that use them in the kernel as the walker does.</summary>
internal sealed class UnwindFixture : IDisposable
{
    private readonly Dictionary<string, BpfMap> _maps = [];
    private readonly BpfProgram _wordReader;
    private readonly BpfProgram _requester;

    internal UnwindFixture(int files = UnwindMaps.MaxFiles, int chunks = UnwindMaps.MaxChunks, int rules = UnwindMaps.MaxRules, SystemCalls? sys = null)
    {
        Requires.Bpf();
        foreach (var spec in (MapSpec[])
            [
                UnwindMaps.Files with { MaxEntries = files }, UnwindMaps.Tables with { MaxEntries = chunks }, UnwindMaps.Rules with { MaxEntries = rules },
                UnwindMaps.Requests, new("word", MapType.Array, 4, 4, 1), new("request", MapType.Array, 4, UnwindRequest.Size, 1),
            ])
        {
            _maps.Add(spec.Name, BpfMap.Create(spec, sys ?? SystemCalls.Real));
        }

        _wordReader = BpfProgram.Load(TestRun.Program("read_word", ReadWord), _maps, SystemCalls.Real);
        _requester = BpfProgram.Load(TestRun.Program("request", SendRequest), _maps, SystemCalls.Real);
    }

    internal BpfMap Files => _maps[UnwindMaps.FilesName];

    internal BpfMap Requests => _maps[UnwindMaps.RequestsName];

    internal UnwindTableWriter Writer() => new(Files, _maps[UnwindMaps.TablesName], _maps[UnwindMaps.RulesName]);

    /// <summary>Does as the walker does at a mapping: where it does not know the file, an empty entry, and a request from within the kernel.</summary>
    internal void Ask(UnwindRequest request)
    {
        var key = request.Key;
        UnwindFileEntry entry = default;
        try
        {
            Files.Update(Bytes(ref key), Bytes(ref entry), MapUpdateFlags.NoExist);
        }
        catch (KernelException known) when (known.Errno == Errno.EEXIST)
        {
            return;
        }

        _maps["request"].Write(0, request);
        Assert.Equal(0u, TestRun.Run(_requester));
    }

    internal UnwindFileEntry? Entry(UnwindFileKey key)
    {
        UnwindFileEntry entry = default;
        return Files.TryLookup(Bytes(ref key), Bytes(ref entry)) ? entry : null;
    }

    /// <summary>The rule for an offset in a file, by the maps alone, as the contract says to find it; the words are read by a program in the kernel.</summary>
    internal UnwindRule Find(UnwindFileEntry entry, ulong fileOffset)
    {
        var page = (fileOffset >> 8) - entry.FirstPage;
        if (page >= entry.PageCount)
        {
            return default;
        }

        var index = Word(entry.IndexWord + (uint)page);
        uint first = index >> 8, count = (index & 0xff) + 1;
        var row = Word(first);
        Assert.Equal(0u, row >> 24);
        Assert.Equal(first >> 14, (first + count - 1) >> 14);
        for (var i = 1u; i < count; i++)
        {
            var next = Word(first + i);
            Assert.True(next >> 24 > row >> 24 || i == 1);
            if (next >> 24 > (fileOffset & 0xff))
            {
                break;
            }

            row = next;
        }

        return _maps[UnwindMaps.RulesName].Read<UnwindRule>(row & 0xffffff);
    }

    public void Dispose()
    {
        _wordReader.Dispose();
        _requester.Dispose();
        foreach (var map in _maps.Values)
        {
            map.Dispose();
        }
    }

    private uint Word(uint word)
    {
        _maps["word"].Write(0, word);
        return TestRun.Run(_wordReader);
    }

    private static void ReadWord(Assembler code)
    {
        var end = code.CreateLabel("end");
        code.LoadMapValue(R1, "word", 0);
        code.Load(MemorySize.W, R6, R1, 0);
        code.Mov(R1, R6);
        code.Rsh(R1, UnwindMaps.WordBits);
        code.Store(MemorySize.W, R10, -4, R1);
        code.Store(MemorySize.W, R10, -8, 0);
        code.LoadMap(R1, UnwindMaps.TablesName);
        code.Mov(R2, R10);
        code.Add(R2, -4);
        code.Call(HelperId.MapLookupElem);
        code.JumpIf(JumpOp.JEQ, R0, 0, end);
        code.Mov(R1, R0);
        code.Mov(R2, R10);
        code.Add(R2, -8);
        code.Call(HelperId.MapLookupElem);
        code.JumpIf(JumpOp.JEQ, R0, 0, end);
        code.And(R6, UnwindMaps.ChunkWords - 1);
        code.Lsh(R6, 2);
        code.Add(R0, R6);
        code.Load(MemorySize.W, R0, R0, 0);
        code.Exit();
        code.Place(end);
        code.Mov(R0, -1);
        code.Exit();
    }

    private static void SendRequest(Assembler code)
    {
        code.LoadMapValue(R2, "request", 0);
        code.LoadMap(R1, UnwindMaps.RequestsName);
        code.Mov(R3, UnwindRequest.Size);
        code.Mov(R4, 0);
        code.Call(HelperId.RingbufOutput);
        code.Exit();
    }

    private static Span<byte> Bytes<T>(ref T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new Span<T>(ref value));
}
