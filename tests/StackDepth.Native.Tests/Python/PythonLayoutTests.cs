using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using StackDepth.Native.Elf;
using StackDepth.Native.Python;

namespace StackDepth.Native.Tests.Python;

/// <summary>The layouts against the headers of the Pythons at hand, which a C compiler reads.</summary>
public sealed class PythonLayoutTests
{
    private const string Source = """
        #define Py_BUILD_CORE 1
        #include <Python.h>
        #include <stddef.h>
        #include <stdio.h>
        #include <internal/pycore_runtime.h>
        #include <internal/pycore_interp.h>
        #if PY_VERSION_HEX >= 0x030b0000
        #include <internal/pycore_frame.h>
        typedef struct _PyInterpreterFrame Frame;
        #else
        #include <frameobject.h>
        typedef struct _frame Frame;
        #endif
        #define SAY(name, value) printf(name " %zu\n", (size_t)(value))
        int main(void)
        {
            SAY("InterpretersHead", offsetof(_PyRuntimeState, interpreters.head));
            SAY("InterpreterNext", offsetof(PyInterpreterState, next));
            SAY("StatePrevious", offsetof(PyThreadState, prev));
            SAY("StateNext", offsetof(PyThreadState, next));
            SAY("StateInterpreter", offsetof(PyThreadState, interp));
            SAY("StateThreadId", offsetof(PyThreadState, thread_id));
            SAY("RuntimeSize", sizeof(_PyRuntimeState));
        #if PY_VERSION_HEX < 0x030c0000
            SAY("CurrentState", offsetof(_PyRuntimeState, gilstate.tstate_current));
        #endif
        #if PY_VERSION_HEX < 0x030b0000
            SAY("InterpreterThreads", offsetof(PyInterpreterState, tstate_head));
            SAY("StateFrame", offsetof(PyThreadState, frame));
            SAY("FramePrevious", offsetof(Frame, f_back));
        #else
            SAY("InterpreterThreads", offsetof(PyInterpreterState, threads.head));
            SAY("StateNativeId", offsetof(PyThreadState, native_thread_id));
            SAY("FramePrevious", offsetof(Frame, previous));
            SAY("FrameOwner", offsetof(Frame, owner));
            SAY("CodeFirstTraceable", offsetof(PyCodeObject, _co_firsttraceable));
            SAY("CodeBytecode", offsetof(PyCodeObject, co_code_adaptive));
            SAY("OwnedByGenerator", FRAME_OWNED_BY_GENERATOR);
        #endif
        #if PY_VERSION_HEX >= 0x030c0000
            SAY("StateStatus", offsetof(PyThreadState, _status));
            SAY("OwnedByCStack", FRAME_OWNED_BY_CSTACK);
            PyThreadState state = {0};
            state._status.active = 1;
            SAY("Active", *(unsigned *)&state._status);
        #endif
        #if PY_VERSION_HEX >= 0x030b0000 && PY_VERSION_HEX < 0x030d0000
            SAY("StateFrame", offsetof(PyThreadState, cframe));
            SAY("CFrameFrame", 1 + offsetof(_PyCFrame, current_frame));
            SAY("FrameCode", offsetof(Frame, f_code));
            SAY("FrameInstruction", offsetof(Frame, prev_instr));
        #elif PY_VERSION_HEX >= 0x030d0000
            SAY("StateFrame", offsetof(PyThreadState, current_frame));
            SAY("FrameCode", offsetof(Frame, f_executable));
            SAY("FrameInstruction", offsetof(Frame, instr_ptr));
        #endif
        }
        """;

    public static TheoryData<string> Described { get; } = [.. PythonInstallation.All.Where(static python => python.Value is { Headers: not null, Version.Minor: >= 9 }).Select(static python => python.Key)];

    public static TheoryData<string> All { get; } = [.. PythonInstallation.All.Keys];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Described))]
    public async Task The_layout_of_a_file_is_what_its_headers_say(string name)
    {
        Requires.Tool("gcc");
        var installation = PythonInstallation.All[name];
        var headers = await Derive(installation.Headers!);
        using var image = ElfImage.Open(installation.File);
        var python = PythonFile.Read(image);
        Assert.NotNull(python);
        Assert.Null(python.Unsupported);
        var layout = python.Layout!.Value;
        Assert.True(layout.IsSane);
        var found = new Dictionary<string, ulong>
        {
            ["InterpretersHead"] = layout.InterpretersHead,
            ["InterpreterNext"] = layout.InterpreterStart + layout.InterpreterNext,
            ["InterpreterThreads"] = layout.InterpreterStart + layout.InterpreterThreads,
            ["StatePrevious"] = layout.StatePrevious,
            ["StateNext"] = layout.StateNext,
            ["StateInterpreter"] = layout.StateInterpreter,
            ["StateThreadId"] = layout.StateThreadId,
            ["StateFrame"] = layout.StateFrame,
            ["FramePrevious"] = layout.FrameStart + layout.FramePrevious,
        };
        if (layout.CurrentState != 0)
            found.Add("CurrentState", layout.CurrentState);
        if (layout.CFrameFrame != 0)
            found.Add("CFrameFrame", layout.CFrameFrame);
        if (layout.StateStatus != 0)
        {
            found.Add("StateStatus", layout.StateStatus);
            found.Add("Active", 1 << 4);
            found.Add("OwnedByCStack", 3);
        }
        if (layout.CodeFirstTraceable != 0)
        {
            found.Add("StateNativeId", layout.StateNativeId);
            found.Add("FrameCode", layout.FrameStart + layout.FrameCode);
            found.Add("FrameInstruction", layout.FrameStart + layout.FrameInstruction);
            found.Add("FrameOwner", layout.FrameStart + layout.FrameOwner);
            found.Add("CodeFirstTraceable", layout.CodeFirstTraceable);
            found.Add("CodeBytecode", layout.CodeBytecode);
            found.Add("OwnedByGenerator", 1);
        }
        // Only versions that do not say which they are, are known by the runtime's size.
        if (installation.Version.Minor < 11)
            found.Add("RuntimeSize", installation.Version.Minor == 9 ? PythonLayouts.RuntimeSize39 : PythonLayouts.RuntimeSize310);
        else
            headers.Remove("RuntimeSize");
        Assert.Equal(headers.OrderBy(static pair => pair.Key, StringComparer.Ordinal), found.OrderBy(static pair => pair.Key, StringComparer.Ordinal));
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(All))]
    public void A_file_says_which_version_it_has(string name)
    {
        var installation = PythonInstallation.All[name];
        using var image = ElfImage.Open(installation.File);
        var python = PythonFile.Read(image);
        if (installation.Version.Minor < 7)
        {
            // There is no runtime's structure yet.
            Assert.Null(python);
            return;
        }
        Assert.NotNull(python);
        Assert.Equal(installation.Version.Minor is < 9 or > 14, python.Unsupported is not null);
        if (python.Unsupported is null)
            Assert.StartsWith($"{installation.Version}", python.Version, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_Python_has_none()
    {
        using var image = ElfImage.Open("/proc/self/exe");
        Assert.Null(PythonFile.Read(image));
    }

    [Fact]
    public void The_program_finds_the_fields_where_they_are_in_a_maps_value()
    {
        Assert.Equal(PythonLayout.Size, Unsafe.SizeOf<PythonLayout>());
        Assert.Equal(PythonFileEntry.Size, Unsafe.SizeOf<PythonFileEntry>());
        foreach (var constant in typeof(PythonLayout.At).GetFields(System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.NonPublic))
            Assert.Equal((int)constant.GetRawConstantValue()!, (int)Marshal.OffsetOf<PythonLayout>($"<{constant.Name}>k__BackingField"));
    }

    [Fact]
    public void A_runtime_that_describes_itself_wrongly_gives_no_layout_or_one_that_is_safe_to_use()
    {
        const uint Version = 0x030e00f0;
        ulong[] right =
        [
            0, Version, 0, 4096, 900, 1000, 8192, 7008, 7000, 7080, 7088, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 256, 0, 8, 16, 72, 152, 160, 168, 32, 88, 8, 0, 56, 80, 74, 64, 0,
            208, 112, 120, 128, 136, 68, 52, 96, 104, 200, 0,
        ];
        var random = new Random(20261123);
        Span<byte> runtime = stackalloc byte[PythonDebugOffsets.Bytes];
        var (layouts, refused) = (0, 0);
        for (var round = 0; round < 20_000; round++)
        {
            runtime.Clear();
            MemoryMarshal.AsBytes<ulong>(right).CopyTo(runtime);
            "xdebugpy"u8.CopyTo(runtime);
            var words = MemoryMarshal.Cast<byte, ulong>(runtime);
            for (var change = round == 0 ? 3 : random.Next(3); change < 3; change++)
                words[random.Next(3, right.Length)] = random.Next(3) switch { 0 => (ulong)random.NextInt64(), 1 => (ulong)random.Next(300), _ => (ulong)random.Next(40) * 8 };
            if (PythonDebugOffsets.Read(runtime, Version, out var why) is { } layout)
            {
                layouts++;
                Assert.True(layout.IsSane);
            }
            else
            {
                refused++;
                Assert.NotEmpty(why);
                Assert.NotEqual(0, round);
            }
        }
        Assert.True(layouts > 100 && refused > 100, $"{layouts} layouts, {refused} refused");
    }

    private static async Task<Dictionary<string, ulong>> Derive(string headers)
    {
        var folder = Directory.CreateTempSubdirectory("stackdepth-layout-");
        try
        {
            var (source, program) = (Path.Combine(folder.FullName, "layout.c"), Path.Combine(folder.FullName, "layout"));
            await File.WriteAllTextAsync(source, Source, TestContext.Current.CancellationToken);
            await Run("gcc", "-w", $"-I{headers}", $"-I{headers}/internal", "-o", program, source);
            var lines = (await Run(program)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return lines.Select(static line => line.Split(' ')).ToDictionary(static words => words[0], static words => ulong.Parse(words[1], CultureInfo.InvariantCulture));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<string> Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await errors);
        return await output;
    }
}
