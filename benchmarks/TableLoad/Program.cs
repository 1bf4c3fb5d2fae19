using System.Diagnostics;
using System.Globalization;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;
using StackDepth.Runtime;

// TableLoad CACHE PROGRAM TIMES: loads the unwind tables of all that PROGRAM maps TIMES times into new maps, with the table cache below the folder CACHE;
// prints for each the milliseconds, then how many files, rows, and KiB of words.
if (args is not [var root, var program, var times])
{
    Console.Error.WriteLine("usage: TableLoad CACHE PROGRAM TIMES");
    return 2;
}

for (var count = int.Parse(times, CultureInfo.InvariantCulture); count > 0; count--)
{
    long rows = 0;
    using var maps = KernelMaps.Create(UnwindMaps.All, SystemCalls.Real);
    var begin = Stopwatch.GetTimestamp();
    using var writer = new UnwindTableWriter(maps[UnwindMaps.FilesName], maps[UnwindMaps.TablesName], maps[UnwindMaps.RulesName]);
    var cache = UnwindCache.Open(root);
    using var supplier = new UnwindSupplier(
        writer, (path, shownPath) => UnwindTables.Load(path, cache, shownPath).Table, UnwindTables.LoadVdso, notice => Interlocked.Add(ref rows, notice.Rows));
    supplier.PreloadPrograms([program], new ResolveOptions());
    var elapsed = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{elapsed:F3} {supplier.Statistics.Loaded} {rows} {writer.Usage.Words * sizeof(uint) / 1024}"));
}
return 0;
