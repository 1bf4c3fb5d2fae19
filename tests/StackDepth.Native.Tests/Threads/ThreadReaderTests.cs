using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using StackDepth.Native.Btf;
using StackDepth.Native.Sys;
using StackDepth.Native.Threads;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Threads;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class ThreadReaderTests
{
    private static readonly Lazy<(KernelOffsets Kernel, ThreadOffsets Threads)> s_offsets = new(static () =>
    {
        var btf = VmlinuxBtf.TryRead()!;
        return (KernelOffsets.Read(btf), ThreadOffsets.Read(btf));
    });

    [Fact]
    public void The_threads_of_a_process_are_those_of_proc()
    {
        using var reader = Open();
        var tasks = Directory.GetDirectories("/proc/self/task").Select(static task => int.Parse(Path.GetFileName(task), System.Globalization.CultureInfo.InvariantCulture));
        var samples = reader.Sample(TaskScope.Process(Environment.ProcessId));

        // Threads come and go meanwhile; the first one stays.
        Assert.Contains(samples, static sample => sample.Record.ThreadId == Environment.ProcessId);
        Assert.True(samples.Select(static sample => sample.Record.ThreadId).Intersect(tasks).Count() >= 3);
        Assert.All(samples, static sample => Assert.Equal(Environment.ProcessId, sample.Record.ProcessId));
        Assert.Single(samples.Select(static sample => sample.Record.Memory).Distinct());
        Assert.Single(samples, static sample => (sample.Record.State & SampleState.Self) != 0);
        Assert.Contains(samples, static sample => sample.Stack.Length > 0 && (sample.Record.State & SampleState.Ran) == 0);
    }

    [Fact]
    public void One_thread_can_be_asked_for_and_a_check_has_no_stacks()
    {
        using var reader = Open();
        var one = Assert.Single(reader.Sample(TaskScope.Thread(Environment.ProcessId)));
        var check = Assert.Single(reader.Check(TaskScope.Thread(Environment.ProcessId))).Value;

        Assert.Equal((Environment.ProcessId, one.Record.Started, one.Record.Memory), (check.ThreadId, check.Started, check.Memory));
        Assert.Equal((uint)ThreadRecord.Length, check.Size);
        Assert.Empty(reader.Sample(TaskScope.Process(int.MaxValue)));
    }

    [Fact]
    public void The_mappings_are_those_of_proc()
    {
        using var reader = Open();
        var mappings = reader.Mappings(TaskScope.Process(Environment.ProcessId)).Where(static mapping => mapping.HasFile != 0).Select(static mapping => (mapping.Start, mapping.End, mapping.Inode)).ToHashSet();
        // Those of libraries stay as they are.
        var libraries = MappedExecutables.Of(Environment.ProcessId).Where(static mapping => mapping.Path.Contains(".so", StringComparison.Ordinal)).Select(static mapping => (mapping.Start, mapping.End, mapping.Key.Inode)).ToArray();

        Assert.True(libraries.Length > 3);
        Assert.Subset(mappings, libraries.ToHashSet());
    }

    [Fact]
    public void A_file_is_another_version_once_it_was_written_and_no_other_once_it_was_looked_at()
    {
        using var reader = Open();
        using var folder = new TemporaryFolder();
        var path = Path.Join(folder.Path, "sleep");
        File.Copy("/bin/sleep", path);
        using var process = System.Diagnostics.Process.Start(path, "1000");
        try
        {
            var inode = FileStatus.Of(path)!.Value.Inode;
            var first = Version();
            Assert.NotNull(FileStatus.Of(path));
            Assert.Equal(first, Version());
            Assert.Equal(((ulong)new FileInfo(path).Length, true), (first.Size, first.ChangedNanoseconds < 1_000_000_000));
            // Also what is no content of it changes the time.
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            var second = Version();
            Assert.Equal((first.Key, first.Generation, first.Size), (second.Key, second.Generation, second.Size));
            Assert.NotEqual(first, second);

            FileVersion Version()
            {
                MappingRecord? mapped = null;
                // Until exec it has the mappings of this process.
                while (mapped is null)
                    mapped = reader.Mappings(TaskScope.Process(process.Id)).Where(mapping => mapping.Inode == inode).Select(static mapping => (MappingRecord?)mapping).FirstOrDefault();
                return mapped.Value.Version;
            }
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    [Fact]
    public void The_records_have_the_programs_layout()
    {
        Assert.Equal((ThreadRecord.Length, MappingRecord.Length), (Unsafe.SizeOf<ThreadRecord>(), Unsafe.SizeOf<MappingRecord>()));
        Assert.Equal(ThreadRecord.CommAt, (int)Marshal.OffsetOf<ThreadRecord>(nameof(ThreadRecord.Comm)));
        Assert.Equal(ThreadRecord.SpAt, (int)Marshal.OffsetOf<ThreadRecord>(nameof(ThreadRecord.Sp)));
        Assert.Equal(ThreadRecord.RegistersAt + 128, (int)Marshal.OffsetOf<ThreadRecord>(nameof(ThreadRecord.Ip)));
    }

    [Fact]
    public void A_thread_that_ran_is_not_at_the_same_moment()
    {
        var record = new ThreadRecord { Started = 5, Switches = 7, Memory = 1, ExecId = 2, MemorySequence = 4 };

        Assert.True(record.IsSameMomentAs(record) && record.HasMappingsOf(record));
        Assert.False((record with { Switches = 8 }).IsSameMomentAs(record));
        Assert.False((record with { Started = 6 }).IsSameMomentAs(record));
        Assert.False((record with { State = SampleState.Ran }).IsSameMomentAs(record));
        Assert.False(record.IsSameMomentAs(record with { State = SampleState.Ran }));
        Assert.True((record with { Switches = 8 }).HasMappingsOf(record));
        Assert.All(
            (ThreadRecord[])[record with { Memory = 2 }, record with { ExecId = 3 }, record with { MemorySequence = 6 }, record with { Started = 6 }],
            other => Assert.False(other.HasMappingsOf(record)));
    }

    private sealed class TemporaryFolder : IDisposable
    {
        internal string Path { get; } = Directory.CreateTempSubdirectory("stackdepth-threads-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }

    private static ThreadReader Open()
    {
        Requires.Bpf();
        return new(s_offsets.Value.Kernel, s_offsets.Value.Threads, SystemCalls.Real);
    }
}
