using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Sys;

public sealed class LayoutTests
{
    // Ours, the kernel's struct, and the kernel's member for each field of ours; a member that an older header lacks is left out by hand.
    private static readonly (Type Type, string C, (string Field, string Member)[] Fields)[] Structs =
    [
        (typeof(MapCreateAttribute), "union bpf_attr",
        [
            ("MapType", "map_type"), ("KeySize", "key_size"), ("ValueSize", "value_size"), ("MaxEntries", "max_entries"), ("MapFlags", "map_flags"),
            ("InnerMapFd", "inner_map_fd"), ("NumaNode", "numa_node"), ("MapName", "map_name"),
        ]),
        (typeof(MapElementAttribute), "union bpf_attr", [("MapFd", "map_fd"), ("Key", "key"), ("ValueOrNextKey", "value"), ("Flags", "flags")]),
        (typeof(MapBatchAttribute), "union bpf_attr",
        [
            ("InBatch", "batch.in_batch"), ("OutBatch", "batch.out_batch"), ("Keys", "batch.keys"), ("Values", "batch.values"), ("Count", "batch.count"),
            ("MapFd", "batch.map_fd"), ("ElementFlags", "batch.elem_flags"), ("Flags", "batch.flags"),
        ]),
        (typeof(ProgramLoadAttribute), "union bpf_attr",
        [
            ("ProgramType", "prog_type"), ("InstructionCount", "insn_cnt"), ("Instructions", "insns"), ("License", "license"), ("LogLevel", "log_level"),
            ("LogSize", "log_size"), ("LogBuffer", "log_buf"), ("ProgramFlags", "prog_flags"), ("ProgramName", "prog_name"),
            ("ExpectedAttachType", "expected_attach_type"), ("ProgramBtfFd", "prog_btf_fd"), ("FunctionInfoRecordSize", "func_info_rec_size"),
            ("FunctionInfo", "func_info"), ("FunctionInfoCount", "func_info_cnt"), ("LineInfoRecordSize", "line_info_rec_size"), ("LineInfo", "line_info"),
            ("LineInfoCount", "line_info_cnt"), ("AttachBtfId", "attach_btf_id"), ("AttachProgramOrBtfFd", "attach_btf_obj_fd"),
        ]),
        (typeof(BtfLoadAttribute), "union bpf_attr",
            [("Btf", "btf"), ("LogBuffer", "btf_log_buf"), ("BtfSize", "btf_size"), ("LogSize", "btf_log_size"), ("LogLevel", "btf_log_level")]),
        (typeof(ObjectInfoAttribute), "union bpf_attr", [("BpfFd", "info.bpf_fd"), ("InfoLength", "info.info_len"), ("Info", "info.info")]),
        (typeof(RawTracepointAttribute), "union bpf_attr", [("Name", "raw_tracepoint.name"), ("ProgramFd", "raw_tracepoint.prog_fd")]),
        (typeof(LinkCreateAttribute), "union bpf_attr",
        [
            ("ProgramFd", "link_create.prog_fd"), ("TargetFd", "link_create.target_fd"), ("AttachType", "link_create.attach_type"),
            ("Flags", "link_create.flags"), ("PerfEvent.Cookie", "link_create.perf_event.bpf_cookie"),
            ("KprobeMulti.Flags", "link_create.kprobe_multi.flags"), ("KprobeMulti.Count", "link_create.kprobe_multi.cnt"),
            ("KprobeMulti.Symbols", "link_create.kprobe_multi.syms"), ("KprobeMulti.Addresses", "link_create.kprobe_multi.addrs"),
            ("KprobeMulti.Cookies", "link_create.kprobe_multi.cookies"),
            ("Tracing.TargetBtfId", "link_create.tracing.target_btf_id"), ("Tracing.Cookie", "link_create.tracing.cookie"),
            ("Iterator.Information", "link_create.iter_info"), ("Iterator.InformationLength", "link_create.iter_info_len"),
        ]),
        (typeof(EnableStatsAttribute), "union bpf_attr", [("Type", "enable_stats.type")]),
        (typeof(FunctionInfoRecord), "struct bpf_func_info", [("InstructionOffset", "insn_off"), ("TypeId", "type_id")]),
        (typeof(ProgramInfoRecord), "struct bpf_prog_info",
        [
            ("Type", "type"), ("Id", "id"), ("Tag", "tag"), ("JitedLength", "jited_prog_len"), ("TranslatedLength", "xlated_prog_len"),
            ("LoadTime", "load_time"), ("Name", "name"), ("RunTimeNanoseconds", "run_time_ns"), ("RunCount", "run_cnt"),
            ("RecursionMisses", "recursion_misses"), ("VerifiedInstructions", "verified_insns"),
        ]),
        (typeof(PerfEventAttribute), "struct perf_event_attr",
        [
            ("Type", "type"), ("Size", "size"), ("Config", "config"), ("SamplePeriod", "sample_period"), ("SampleType", "sample_type"),
            ("ReadFormat", "read_format"), ("WakeupEvents", "wakeup_events"), ("BreakpointType", "bp_type"), ("UprobePath", "uprobe_path"),
            ("ProbeOffset", "probe_offset"), ("KprobeFunction", "kprobe_func"), ("KprobeAddress", "kprobe_addr"),
        ]),
    ];

    [Fact]
    public void Every_field_is_where_the_kernels_headers_have_it()
    {
        Requires.Tool("gcc");
        Requires.That(File.Exists("/usr/include/linux/bpf.h"), "the kernel's headers (linux-libc-dev)");
        var folder = Directory.CreateTempSubdirectory("stackdepth-layout-").FullName;
        try
        {
            string source = Path.Combine(folder, "layout.c"), binary = Path.Combine(folder, "layout");
            var lines = Structs.SelectMany(static s => s.Fields.Select(f =>
                $"printf(\"{s.Type.Name}.{f.Field} %zu %zu\\n\", offsetof({s.C}, {f.Member}), sizeof((({s.C} *)0)->{f.Member}));"));
            File.WriteAllText(source, $$"""
                #include <linux/bpf.h>
                #include <linux/perf_event.h>
                #include <stddef.h>
                #include <stdio.h>
                int main(void) {
                {{string.Join('\n', lines)}}
                printf("SetBpf %zu 0\n", (size_t)PERF_EVENT_IOC_SET_BPF);
                return 0; }
                """);
            Run("gcc", ["-o", binary, source]);
            var actual = Structs.SelectMany(static s => s.Fields.Select(f => $"{s.Type.Name}.{f.Field} {Offset(s.Type, f.Field)} {Size(s.Type, f.Field)}"))
                .Append($"SetBpf {PerfEventAttribute.SetBpf} 0");
            Assert.Equal(Run(binary, []).TrimEnd().Split('\n'), actual);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public unsafe void Sizes_are_those_the_kernel_is_told()
    {
        // uprobe_multi and the log's true size are younger than many headers: include/uapi/linux/bpf.h of 6.6.
        Assert.Equal(64, sizeof(LinkCreateAttribute));
        Assert.Equal(16, Offset(typeof(LinkCreateAttribute), "UprobeMulti.Path"));
        Assert.Equal(48, Offset(typeof(LinkCreateAttribute), "UprobeMulti.Count"));
        Assert.Equal(56, Offset(typeof(LinkCreateAttribute), "UprobeMulti.Pid"));
        Assert.Equal(140, Offset(typeof(ProgramLoadAttribute), "LogTrueSize"));
        Assert.Equal(112, sizeof(PerfEventAttribute));
        Assert.Equal(232, sizeof(ProgramInfoRecord));
    }

    // A name with a dot is a field of a field.
    private static FieldInfo Field(Type type, string name) => name.Split('.') is [var outer, var inner]
        ? Field(Field(type, outer).FieldType, inner)
        : type.GetField(name, BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)!;

    private static int Offset(Type type, string name) => name.Split('.') is [var outer, var inner]
        ? Offset(type, outer) + Offset(Field(type, outer).FieldType, inner)
        : (int)Marshal.OffsetOf(type, name);

    private static int Size(Type type, string name)
    {
        var field = Field(type, name);
        return field.GetCustomAttribute<System.Runtime.CompilerServices.FixedBufferAttribute>()?.Length ?? Marshal.SizeOf(field.FieldType);
    }

    private static string Run(string file, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEnd();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors);
        return output;
    }
}
