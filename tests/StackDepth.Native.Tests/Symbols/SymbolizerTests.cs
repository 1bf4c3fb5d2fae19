using StackDepth.Native.Elf;
using StackDepth.Native.Symbols;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Symbols;

/// <summary>Addresses that real processes say are their functions'.</summary>
public sealed class SymbolizerTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    private static readonly string[] Functions = ["main", "hidden", "visible", "handler"];

    [Fact]
    public void Functions_of_a_running_process_have_their_names_and_after_it_has_ended_too()
    {
        var program = SymbolTarget.Compile(targets, "lives");
        using var target = new SymbolTarget(program);
        using var symbolizer = new Symbolizer();
        Assert.NotNull(symbolizer.Observe(target.Pid));
        var before = CheckFunctions(symbolizer, target, program);
        target.End();
        Assert.Equal(before, CheckFunctions(symbolizer, target, program));
        File.Delete(program);
        symbolizer.Observe(target.Pid);
        Assert.Equal(before, CheckFunctions(symbolizer, target, program));
    }

    [Fact]
    public void Names_are_had_after_the_end_though_nobody_asked_before()
    {
        var program = SymbolTarget.Compile(targets, "unasked");
        using var target = new SymbolTarget(program);
        using var symbolizer = new Symbolizer();
        symbolizer.Observe(target.Pid);
        target.End();
        File.Delete(program);
        CheckFunctions(symbolizer, target, program);
    }

    [Fact]
    public void A_process_that_was_never_observed_and_has_ended_has_no_names()
    {
        var program = SymbolTarget.Compile(targets, "unobserved");
        using var target = new SymbolTarget(program);
        using var symbolizer = new Symbolizer();
        target.End();
        Assert.Null(symbolizer.Observe(target.Pid));
        Assert.Equal(new SymbolizedAddress(target.Places["main"], null, null, 0), One(symbolizer, target.Pid, target.Places["main"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_that_was_deleted_or_replaced_is_named_by_what_the_process_runs(bool isReplaced)
    {
        var program = SymbolTarget.Compile(targets, "gone" + isReplaced);
        using var target = new SymbolTarget(program);
        File.Delete(program);
        if (isReplaced)
        {
            // The same addresses mean other functions there.
            targets.Compile("gone" + isReplaced, "int pad(void) { return 1; } int other(void) { return 2; } int main(void) { return pad() + other(); }");
        }

        using var symbolizer = new Symbolizer();
        CheckFunctions(symbolizer, target, program);
    }

    [Fact]
    public void A_library_in_memory_without_a_name_is_named()
    {
        Requires.SysAdmin();
        var library = targets.Compile("memory.so", SymbolTarget.LibrarySource, "-shared", "-fPIC");
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "memory"), "memfd", library);
        using var symbolizer = new Symbolizer();
        Assert.Equal(new(target.Places["in_library"], "memfd:a library", "in_library", 0), One(symbolizer, target.Pid, target.Places["in_library"]));
    }

    [Fact]
    public void A_library_that_was_opened_since_is_found_when_its_address_is_met()
    {
        var library = targets.Compile("opened.so", SymbolTarget.LibrarySource, "-shared", "-fPIC");
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "opens"));
        using var symbolizer = new Symbolizer();
        symbolizer.Observe(target.Pid);
        var address = target.Open(library);
        Assert.Equal(new(address, library, "in_library", 0), One(symbolizer, target.Pid, address));
    }

    [Fact]
    public void A_mapping_that_the_kernel_told_of_is_enough()
    {
        var library = targets.Compile("told.so", SymbolTarget.LibrarySource, "-shared", "-fPIC");
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "tells"));
        using var symbolizer = new Symbolizer();
        var process = symbolizer.Observe(target.Pid)!;
        var mappings = process.Mappings;
        var address = target.Open(library);
        var region = MapsReader.Read(target.Pid).Single(region => region.Name == library);
        symbolizer.Observe(target.Pid, region);
        Assert.Equal(mappings + 1, process.Mappings);
        target.End();
        Assert.Equal(new(address, library, "in_library", 0), One(symbolizer, target.Pid, address));
    }

    [Fact]
    public void A_call_that_is_the_last_instruction_belongs_to_its_function()
    {
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "calls"));
        using var symbolizer = new Symbolizer();
        var address = target.Places["ends_with_call"];
        Assert.Equal("behind", One(symbolizer, target.Pid, address).Symbol);
        var frames = new SymbolizedAddress[2];
        symbolizer.Resolve(target.Pid, [target.Places["hidden"], address], frames);
        Assert.Equal(("hidden", 0ul, "ends_with_call", 2ul), (frames[0].Symbol, frames[0].Offset, frames[1].Symbol, frames[1].Offset));
    }

    [Fact]
    public void A_signal_trampoline_and_what_it_interrupted_are_no_return_addresses()
    {
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "signals"));
        using var symbolizer = new Symbolizer();
        var frames = new SymbolizedAddress[4];
        symbolizer.Resolve(target.Pid, [target.Places["handler"], target.Places["trampoline"], target.Places["interrupted"], target.Places["caller"]], frames);
        Assert.Equal(("handler", "faults", "main"), (frames[0].Symbol, frames[2].Symbol, frames[3].Symbol));
        Assert.Equal(0ul, frames[2].Offset);
        Assert.EndsWith("/libc.so.6", frames[1].Module, StringComparison.Ordinal);
        Assert.True(frames[1] is { Symbol: "__restore_rt", Offset: 0 } or { Symbol: null }, frames[1].ToString());
    }

    [Fact]
    public void A_process_in_a_chroot_has_paths_as_it_sees_them()
    {
        Requires.SysAdmin();
        Requires.Tool("chroot");
        var program = SymbolTarget.Compile(targets, "jail/bin/jailed", "-static");
        using var target = new SymbolTarget("chroot", targets.PathOf("jail"), "/bin/jailed");
        using var symbolizer = new Symbolizer();
        CheckFunctions(symbolizer, target, "/bin/jailed");
        File.Delete(program);
    }

    [Fact]
    public void A_process_in_other_mount_and_pid_namespaces_has_its_own_files_and_perf_map()
    {
        Requires.SysAdmin();
        Requires.Tool("unshare");
        var program = SymbolTarget.Compile(targets, "contained");
        using var target = new SymbolTarget(
            "unshare", "--mount", "--pid", "--fork", "sh", "-c",
            $"exec 9<{program}; mount -t tmpfs none /tmp && mkdir -p {targets.Folder} && cat <&9 >{program} && chmod +x {program} && exec {program} jit 9<&-");
        target.Pid = SymbolTarget.ChildOf(target.Pid);
        Assert.Equal(1ul, target.Places["map"]);
        using var symbolizer = new Symbolizer();
        CheckFunctions(symbolizer, target, program);
        var jit = target.Places["jit"];
        Assert.Equal(new(jit + 0x22, "[jit]", "second tier", 0x22), One(symbolizer, target.Pid, jit + 0x22));
        target.End();
        CheckFunctions(symbolizer, target, program);
        Assert.Equal(new(jit + 0x48, "[jit]", "other", 8), One(symbolizer, target.Pid, jit + 0x48));
    }

    [Fact]
    public void A_process_that_enters_its_root_directory_and_another_user_later_is_followed_there()
    {
        Requires.SysAdmin();
        Requires.Tool("chroot");
        var jail = Path.GetDirectoryName(Path.GetDirectoryName(SymbolTarget.Compile(targets, "later/bin/entered", "-static")))!;
        Directory.CreateDirectory(jail + "/tmp");
        CompiledTargets.Run("chmod", "1777", jail + "/tmp");
        CompiledTargets.Run("chmod", "755", targets.Folder);

        // Observed while it is still the shell, at the same number.
        using var symbolizer = new Symbolizer();
        var fifo = targets.PathOf("go");
        CompiledTargets.Run("mkfifo", fifo);
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sh", ["-c", $"read line <{fifo}; exec chroot --userspec=65534:65534 {jail} /bin/entered jit"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Assert.NotNull(symbolizer.Observe(shell.Id));
        File.WriteAllText(fifo, "go\n");
        var places = new Dictionary<string, ulong>();
        while (shell.StandardOutput.ReadLine() is { } line && line != "ready")
        {
            places[line.Split(' ')[0]] = Convert.ToUInt64(line.Split(' ')[1], 16);
        }

        Assert.Equal(new(places["hidden"], "/bin/entered", "hidden", 0), One(symbolizer, shell.Id, places["hidden"]));
        Assert.Equal(new(places["jit"], "[jit]", "second tier", 0), One(symbolizer, shell.Id, places["jit"]));
        shell.StandardInput.Close();
        shell.WaitForExit();
        Assert.Equal("hidden", One(symbolizer, shell.Id, places["hidden"]).Symbol);
    }

    [Fact]
    public void The_vDSOs_functions_have_the_names_that_nm_gives_them()
    {
        var image = targets.PathOf("vdso.so");
        File.WriteAllBytes(image, Vdso.Image()!);
        var functions = new Nm(image);
        var region = MapsReader.Read(Environment.ProcessId).Single(static region => region.IsVdso);
        using var symbolizer = new Symbolizer();
        Assert.True(functions.Sized.Count > 3);
        foreach (var (address, size) in functions.Sized)
        {
            var last = One(symbolizer, Environment.ProcessId, region.Start + address + size - 1);
            Assert.Equal("[vdso]", last.Module);
            Assert.Contains(last.Symbol!, functions.NamesAt(address));
            Assert.Equal(size - 1, last.Offset);
        }
    }

    [Fact]
    public void An_address_in_a_file_without_symbols_has_the_files_virtual_address()
    {
        var program = SymbolTarget.Compile(targets, "bare", "-s");
        using var target = new SymbolTarget(program);
        using var symbolizer = new Symbolizer();
        using var image = ElfImage.Open(program);
        var frame = One(symbolizer, target.Pid, target.Places["hidden"]);
        var map = File.ReadLines($"/proc/{target.Pid}/maps").First(line => line.EndsWith(program, StringComparison.Ordinal));
        var start = Convert.ToUInt64(map[..map.IndexOf('-', StringComparison.Ordinal)], 16);
        Assert.Equal((program, null, target.Places["hidden"] - start), (frame.Module, frame.Symbol, frame.Offset));
        Assert.Equal(new(16, null, null, 0), One(symbolizer, target.Pid, 16));
    }

    private static (string, SymbolizedAddress)[] CheckFunctions(Symbolizer symbolizer, SymbolTarget target, string module)
    {
        var found = Functions.Select(name => (name, One(symbolizer, target.Pid, target.Places[name]))).ToArray();
        Assert.Equal(Functions.Select(name => (name, new SymbolizedAddress(target.Places[name], module, name, 0))), found);
        return found;
    }

    private static SymbolizedAddress One(Symbolizer symbolizer, int pid, ulong address)
    {
        var frames = new SymbolizedAddress[1];
        symbolizer.Resolve(pid, [address], frames);
        return frames[0];
    }
}
